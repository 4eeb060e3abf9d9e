internal import HDF5

/// Copies a file's objects and attributes into a new one, but for what is edited on the way.
///
/// Groups that are there already take in what is missing in them.
struct TreeCopy {
  /// What happens to an object instead of being copied.
  enum Edit {
    case drop
    /// Another object takes its place; gets the new parent and the name.
    case replace((HDF5Group, String) throws -> Void)
  }

  let source: HDF5File
  let target: HDF5File
  /// By absolute path.
  let edits: [String: Edit]
  /// Attributes that are not copied, by the path of their object.
  let droppedAttributes: [String: Set<String>]
  let checkInterruption: () throws -> Void

  func run() throws { try copyContents(of: source.root, to: target.root) }

  private func copyContents(of group: HDF5Group, to copy: HDF5Group) throws {
    let dropped = droppedAttributes[group.path] ?? []
    let known = Set(try copy.attributeNames())
    try copy.copyAttributes(
      group.attributeNames().filter { !dropped.contains($0) && !known.contains($0) }, from: group)
    for name in group.names {
      try checkInterruption()
      let path = HDF5File.path(group.path, name)
      switch edits[path] {
      case .drop: continue
      case .replace(let replacement): try replacement(copy, name)
      case nil: try copyObject(path, name, to: copy)
      }
    }
  }

  private func copyObject(_ path: String, _ name: String, to parent: HDF5Group) throws {
    guard case .dataset(let description) = source.node(at: path) else {
      let group = try source.group(at: path)
      guard case .group = target.node(at: HDF5File.path(parent.path, name)) else {
        return try copyContents(of: group, to: parent.createGroup(name, like: group))
      }
      return try copyContents(
        of: group, to: target.group(at: HDF5File.path(parent.path, name)))
    }
    let dataset = try source.dataset(at: path)
    if description.type == .variableString {
      let copy = try parent.createDataset(name, like: dataset)
      try copy.copyAttributes(from: dataset)
      try copy.copyStrings(from: dataset)
    } else if description.type.byteCount != nil {
      try ColumnCopy(dataset, checkInterruption: checkInterruption)
        .copy(into: parent, as: name)
    } else {
      // The library's own copying is for the rest alone: it crashes when the disk is full.
      try parent.copy(path, of: source, as: name)
    }
  }
}
