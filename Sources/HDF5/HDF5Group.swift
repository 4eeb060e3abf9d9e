internal import CHDF5

/// A group: a folder of datasets and other groups.
public final class HDF5Group: HDF5Object {
  init(opening path: String, in file: HDF5File) throws {
    try super.init(path: path, in: file, "open group") { H5Gopen2($0, path, 0) }
  }

  private init(
    creating path: String, in file: HDF5File, _ creation: borrowing Handle
  ) throws {
    let list = creation.id
    try super.init(path: path, in: file, "create group", failing: .io) {
      H5Gcreate2($0, path, 0, list, 0)
    }
  }

  /// The names of the links in the group, in its own order.
  public var names: [String] { file.names(in: path) }

  /// Adds a group to this one.
  ///
  /// - Parameter model: a group whose way of ordering its links is taken over.
  public func createGroup(
    _ name: String, like model: HDF5Group? = nil
  ) throws -> HDF5Group {
    let child = HDF5File.path(path, name)
    let creation = try Handle("create group", file.subject(child)) {
      H5Pcreate(chdf5_group_creation())
    }
    let (list, order) = (creation.id, try model?.creationOrder() ?? 0)
    try HDF5Library.call("create group", file.subject(child)) { () -> Int32 in
      guard H5Pset_link_creation_order(list, order) >= 0 else { return -1 }
      return H5Pset_obj_track_times(list, false)
    }
    let group = try HDF5Group(creating: child, in: file, creation)
    note(name, .group([]))
    return group
  }

  /// Whether the group keeps the order in which its links were made, as the library's flags.
  ///
  /// The group's whole creation list would not do: it also says where the group keeps its
  /// links in its own file.
  private func creationOrder() throws -> UInt32 {
    let id = try identifier()
    let list = try Handle("look at", subject) { H5Gget_create_plist(id) }
    var flags: UInt32 = 0
    try HDF5Library.call("look at", subject) { H5Pget_link_creation_order(list.id, &flags) }
    return flags
  }

  /// Copies an object of another file, and everything below it, as it is stored.
  public func copy(_ source: String, of other: HDF5File, as name: String) throws {
    guard let node = other.node(at: source) else {
      throw HDF5Error(.badInput, "copy", other.subject(source), reason: "it is not there")
    }
    let (from, to) = (try other.identifier(), try identifier())
    try HDF5Library.call("copy", other.subject(source), failing: .io) {
      H5Ocopy(from, source, to, name, 0, 0)
    }
    note(name, node)
    for path in other.paths where path.hasPrefix(source + "/") {
      guard let node = other.node(at: path) else { continue }
      file.register(node, at: HDF5File.path(self.path, name) + path.dropFirst(source.count))
    }
  }

  /// Notes a new child, so that it can be listed and opened.
  func note(_ name: String, _ node: HDF5Node) {
    file.register(node, at: HDF5File.path(path, name))
    file.register(.group(names + [name]), at: path)
  }
}
