internal import HDF5

/// Copies a file's objects and attributes into a new one, but for what is edited on the way.
struct TreeCopy {
  /// What happens to an object instead of being copied.
  enum Edit {
    case drop
    /// Another object takes its place; gets the new parent and the name.
    case replace((HDF5Group, String) throws -> Void)
    /// It is a group that must be made anew, because something in it changes.
    case open
  }

  let source: HDF5File
  let target: HDF5File
  /// By absolute path.
  let edits: [String: Edit]
  /// Attributes that are not copied, by the path of their object.
  let droppedAttributes: [String: Set<String>]
  let checkInterruption: () throws -> Void
  private let opened: Set<String>

  init(
    from source: HDF5File, to target: HDF5File, edits: [String: Edit],
    droppedAttributes: [String: Set<String>], checkInterruption: @escaping () throws -> Void
  ) {
    self.source = source
    self.target = target
    self.edits = edits
    self.droppedAttributes = droppedAttributes
    self.checkInterruption = checkInterruption
    opened = Self.groups(above: edits.keys)
  }

  /// The groups that hold something edited, at any depth.
  private static func groups(above paths: some Sequence<String>) -> Set<String> {
    var result: Set<String> = []
    for path in paths {
      var parent = path[...]
      while let slash = parent.lastIndex(of: "/"), slash > parent.startIndex {
        parent = parent[..<slash]
        result.insert(String(parent))
      }
    }
    return result
  }

  func run() throws { try copyContents(of: source.root, to: target.root) }

  private func copyContents(of group: HDF5Group, to copy: HDF5Group) throws {
    let dropped = droppedAttributes[group.path] ?? []
    try copy.copyAttributes(
      group.attributeNames().filter { !dropped.contains($0) }, from: group)
    for name in group.names {
      try checkInterruption()
      let path = HDF5File.path(group.path, name)
      switch edits[path] {
      case .drop: continue
      case .replace(let replacement): try replacement(copy, name)
      case .open: try copyGroup(path, name, to: copy)
      case nil where opened.contains(path): try copyGroup(path, name, to: copy)
      case nil: try copy.copy(path, of: source, as: name)
      }
    }
  }

  private func copyGroup(_ path: String, _ name: String, to parent: HDF5Group) throws {
    let group = try source.group(at: path)
    try copyContents(of: group, to: try parent.createGroup(name, like: group))
  }
}
