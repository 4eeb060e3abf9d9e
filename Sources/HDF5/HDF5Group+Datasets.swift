internal import CHDF5

extension HDF5Group {
  /// Adds a dataset without data.
  ///
  /// - Parameters:
  ///   - type: a little-endian number or a string.
  ///   - shape: the extents, outermost first; empty for a scalar.
  ///   - storage: chunks must not be larger than the extents.
  public func createDataset(
    _ name: String, type: HDF5Type, shape: [Int],
    storage: HDF5DatasetDescription.Storage = .contiguous
  ) throws -> HDF5Dataset {
    let subject = file.subject(HDF5File.path(path, name))
    let creation = try Handle("create dataset", subject) { H5Pcreate(chdf5_dataset_creation()) }
    try Self.set(storage, on: creation, subject)
    let stored = try type.makeFileType(subject)
    return try create(name, type, shape, storage, stored: stored, creation)
  }

  /// Adds a dataset of the type and storage of another one, without its data or attributes.
  ///
  /// - Parameter rowCount: the new extent of the outermost axis; nil for the same.
  public func createDataset(
    _ name: String, like model: HDF5Dataset, rowCount: Int? = nil
  ) throws -> HDF5Dataset {
    let subject = file.subject(HDF5File.path(path, name))
    let id = try model.identifier()
    let creation = try Handle("look at the storage of", model.subject) { H5Dget_create_plist(id) }
    let stored = try model.storedType()
    var shape = model.shape
    if let rowCount, !shape.isEmpty { shape[0] = rowCount }
    var maximum = try model.maximumExtents()
    for (axis, extent) in model.shape.enumerated() where maximum[axis] == UInt64(extent) {
      maximum[axis] = UInt64(shape[axis])
    }
    let storage = Self.fitted(model.description.storage, to: shape, maximum: maximum)
    if storage != model.description.storage { try Self.set(storage, on: creation, subject) }
    if case .chunked = storage {} else { maximum = shape.map { UInt64($0) } }
    return try create(
      name, model.type, shape, storage, maximum: maximum, stored: stored, creation)
  }

  private func create(
    _ name: String, _ type: HDF5Type, _ shape: [Int], _ storage: HDF5DatasetDescription.Storage,
    maximum: [UInt64]? = nil, stored: borrowing Handle, _ creation: borrowing Handle
  ) throws -> HDF5Dataset {
    let child = HDF5File.path(path, name)
    guard let elements = Extents.product(shape) else {
      throw HDF5Error(.badInput, "create dataset", file.subject(child), reason: "it is too large")
    }
    let list = creation.id
    try HDF5Library.call("create dataset", file.subject(child)) { () -> Int32 in
      // The last chunk is larger than its rows; the rest must not be whatever was in memory.
      guard H5Pset_fill_time(list, H5D_FILL_TIME_IFSET) >= 0 else { return -1 }
      return H5Pset_obj_track_times(list, false)
    }
    let description = HDF5DatasetDescription(
      type: type, shape: shape, storage: storage, storedByteCount: 0, elementCount: elements)
    let dataset = try HDF5Dataset(
      creating: child, in: file, description, maximum: maximum, type: stored,
      creation: creation)
    note(name, .dataset(description))
    return dataset
  }

  /// The same storage for fewer rows: a chunk may not be larger than a dataset can become.
  private static func fitted(
    _ storage: HDF5DatasetDescription.Storage, to shape: [Int], maximum: [UInt64]
  ) -> HDF5DatasetDescription.Storage {
    guard case .chunked(var extents, let filters) = storage, let rows = maximum.first else {
      return storage
    }
    guard rows > 0 else { return .contiguous }
    extents[0] = Int(min(UInt64(extents[0]), rows))
    return .chunked(extents: extents, filters: filters)
  }

  private static func set(
    _ storage: HDF5DatasetDescription.Storage, on creation: borrowing Handle, _ subject: String
  ) throws {
    let list = creation.id
    try HDF5Library.call("create dataset", subject) { () -> Int32 in
      guard H5Premove_filter(list, H5Z_FILTER_ALL) >= 0 else { return -1 }
      switch storage {
      case .compact: return H5Pset_layout(list, H5D_COMPACT)
      case .contiguous: return H5Pset_layout(list, H5D_CONTIGUOUS)
      case .chunked(let extents, let filters):
        let chunk = extents.map { UInt64($0) }
        guard H5Pset_chunk(list, Int32(chunk.count), chunk) >= 0 else { return -1 }
        for filter in filters where add(filter, to: list) < 0 { return -1 }
        return 0
      }
    }
  }

  private static func add(_ filter: HDF5DatasetDescription.Filter, to list: Int64) -> Int32 {
    switch filter {
    case .deflate(let level): H5Pset_deflate(list, UInt32(clamping: min(9, level)))
    case .shuffle: H5Pset_shuffle(list)
    case .fletcher32: H5Pset_fletcher32(list)
    }
  }
}
