internal import HDF5

extension HDF5Group {
  /// The group of a name, which may have slashes in it, made where it is missing.
  func subgroup(_ name: String) throws -> HDF5Group {
    var group = self
    for part in name.split(separator: "/").map(String.init) {
      let path = HDF5File.path(group.path, part)
      let isThere = group.file.node(at: path) != nil
      group = isThere ? try group.file.group(at: path) : try group.createGroup(part)
    }
    return group
  }
}
