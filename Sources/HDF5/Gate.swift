internal import CHDF5
internal import Foundation

/// Looks at every object of a file once and refuses what a reader cannot trust.
///
/// There is no other way into a file: an object that the gate has not seen has no path, and so
/// cannot be opened.
struct Gate {
  let file: Int64
  let path: String
  let limits: HDF5Limits
  private var nodes: [String: HDF5Node] = [:]
  private var groups: Set<UInt64> = []
  private var objectCount = 0
  private var attributeBytes = 0
  private var declaredBytes = 0
  private var pending: [(path: String, depth: Int)] = []
  /// Of the groups that are pending.
  private var attributeCounts: [String: Int] = [:]
  private var fileSize = 0

  init(file: Int64, path: String, limits: HDF5Limits) {
    self.file = file
    self.path = path
    self.limits = limits
  }

  /// - Throws: `HDF5Error`, which names the first object that is refused.
  mutating func look() throws -> [String: HDF5Node] {
    fileSize = try size()
    let root = try info(of: ".", in: file, at: "/")
    guard root.kind == CHDF5_GROUP else { throw refusal("/", "it is no group") }
    groups = [root.address]
    attributeCounts["/"] = root.attributeCount
    pending = [("/", 0)]
    while let next = pending.popLast() { try visitGroup(next.path, depth: next.depth) }
    return nodes
  }

  private func size() throws -> Int {
    var size: UInt64 = 0
    let file = file
    try HDF5Library.call("measure file", path) { H5Fget_filesize(file, &size) }
    return Int(clamping: size)
  }

  private mutating func visitGroup(_ group: String, depth: Int) throws {
    guard depth <= limits.depth else {
      throw refusal(group, "it lies more than \(limits.depth) groups deep")
    }
    let handle = try Handle("open group", subject(group)) { H5Gopen2(file, group, 0) }
    let links = try LinkList.read(handle, subject(group), limit: limits.linksPerGroup)
    nodes[group] = .group(links.map(\.name))
    objectCount += links.count
    guard objectCount <= limits.objects else {
      throw refusal(group, "the file holds more than \(limits.objects) objects")
    }
    try weighAttributes(
      of: handle, count: attributeCounts.removeValue(forKey: group) ?? 0, at: group)
    for link in links { try visit(link, in: handle, group, depth: depth) }
  }

  private mutating func visit(
    _ link: LinkList.Link, in handle: borrowing Handle, _ group: String, depth: Int
  ) throws {
    let child = HDF5File.path(group, link.name)
    guard link.kind == CHDF5_HARD else {
      throw refusal(child, "it is \(LinkList.words(for: link.kind)), which could lead elsewhere")
    }
    let info = try info(of: link.name, in: handle.id, at: child)
    switch info.kind {
    case CHDF5_GROUP:
      guard groups.insert(info.address).inserted else {
        throw refusal(child, "the same group is also reached by another path")
      }
      pending.append((child, depth + 1))
      attributeCounts[child] = info.attributeCount
    case CHDF5_DATASET:
      let dataset = try Handle("open dataset", subject(child)) {
        H5Dopen2(handle.id, link.name, 0)
      }
      let description = try DatasetGate(
        dataset: dataset.id, subject: subject(child), limits: limits, fileSize: fileSize
      ).description()
      try weigh(description, at: child)
      nodes[child] = .dataset(description)
      try weighAttributes(of: dataset, count: info.attributeCount, at: child)
    default: throw refusal(child, "it is neither a group nor a dataset")
    }
  }

  /// Many datasets can name the same bytes of the file, so all of them are weighed together too.
  private mutating func weigh(_ dataset: HDF5DatasetDescription, at path: String) throws {
    // The gate of the dataset has found that the product fits.
    let bytes = dataset.elementCount * max(1, dataset.type.storedByteCount)
    declaredBytes = declaredBytes.addingReportingOverflow(bytes).partialValue
    let most = fileSize.multipliedReportingOverflow(by: limits.expansion)
    guard declaredBytes >= 0,
      declaredBytes <= max(limits.expandedBytes, most.overflow ? Int.max : most.partialValue)
    else {
      throw refusal(
        path, "with it, all datasets declare more than any compression saves in \(fileSize) bytes")
    }
  }

  /// Looks at every attribute of an object without reading it.
  private mutating func weighAttributes(
    of object: borrowing Handle, count: Int, at path: String
  ) throws {
    guard count > 0 else { return }
    let names = try AttributeNames.read(
      object.id, subject(path), limit: limits.attributesPerObject)
    for name in names {
      let attribute = try OpenAttribute(
        name, of: object.id, "\(subject(path))@\(name)", limits)
      attributeBytes += attribute.byteCount
      guard attributeBytes <= limits.allAttributeBytes else {
        throw refusal(
          path,
          "its attributes and those before it take more than \(limits.allAttributeBytes) bytes")
      }
    }
  }

  private func info(
    of name: String, in location: Int64, at path: String
  ) throws -> (kind: Int, address: UInt64, attributeCount: Int) {
    var kind: Int32 = 0
    var (address, attributes): (UInt64, UInt64) = (0, 0)
    try HDF5Library.call("look at", subject(path)) {
      chdf5_object_info(location, name, &kind, &address, &attributes)
    }
    return (Int(kind), address, Int(clamping: attributes))
  }

  private func subject(_ object: String) -> String { path + ":" + object }

  private func refusal(_ object: String, _ reason: String) -> HDF5Error {
    HDF5Error(.badInput, "accept", subject(object), reason: reason)
  }
}

/// The links of one group, collected from the library's iteration.
enum LinkList {
  struct Link {
    let name: String
    let kind: Int
  }

  private struct Collected {
    var links: [Link] = []
    let limit: Int
    var problem: String?
  }

  static func read(
    _ group: borrowing Handle, _ subject: String, limit: Int
  ) throws -> [Link] {
    var collected = Collected(limit: limit)
    let id = group.id
    let byCreation = hasCreationOrder(group)
    try withUnsafeMutablePointer(to: &collected) { pointer in
      _ = try HDF5Library.call("list group", subject) {
        chdf5_each_link(
          id, byCreation ? 1 : 0,
          { name, kind, context in
            guard let name, let context else { return -1 }
            return LinkList.note(name, Int(kind), in: context)
          }, pointer)
      }
    }
    if let problem = collected.problem {
      throw HDF5Error(.badInput, "list group", subject, reason: problem)
    }
    return collected.links
  }

  /// Whether a group remembers in which order its links were made.
  private static func hasCreationOrder(_ group: borrowing Handle) -> Bool {
    let id = group.id
    return HDF5Library.query {
      let list = H5Gget_create_plist(id)
      guard list >= 0 else { return false }
      defer { H5Pclose(list) }
      var flags: UInt32 = 0
      guard H5Pget_link_creation_order(list, &flags) >= 0 else { return false }
      return flags & UInt32(H5P_CRT_ORDER_INDEXED) != 0
    }
  }

  private static func note(
    _ name: UnsafePointer<CChar>, _ kind: Int, in context: UnsafeMutableRawPointer
  ) -> Int32 {
    let collected = context.assumingMemoryBound(to: Collected.self)
    guard collected.pointee.links.count < collected.pointee.limit else {
      collected.pointee.problem = "it holds more than \(collected.pointee.limit) links"
      return 1
    }
    guard let name = String(validatingCString: name), (1...1024).contains(name.utf8.count),
      name != ".", name != "..", !name.contains("/")
    else {
      collected.pointee.problem = "one of its names is not a plain name in UTF-8"
      return 1
    }
    collected.pointee.links.append(Link(name: name, kind: kind))
    return 0
  }

  static func words(for kind: Int) -> String {
    switch kind {
    case CHDF5_SOFT: "a soft link"
    case CHDF5_EXTERNAL: "an external link"
    default: "a link of an unknown kind"
    }
  }
}
