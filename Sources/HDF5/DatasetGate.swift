internal import CHDF5
internal import Foundation

/// Looks at one dataset's type, extents and storage, and weighs what it declares against what
/// it stores.
struct DatasetGate {
  let dataset: Int64
  let subject: String
  let limits: HDF5Limits
  let fileSize: Int

  func description() throws -> HDF5DatasetDescription {
    let dataset = dataset
    let handle = try Handle("look at the type of", subject) { H5Dget_type(dataset) }
    let type = HDF5Type(describing: handle)
    // What a reference points at does not move along with it into another file.
    guard HDF5Library.query({ H5Tdetect_class(handle.id, H5T_REFERENCE) }) == 0 else {
      throw refusal("it holds references")
    }
    let shape = try extents()
    let (elements, bytes) = try sizes(of: shape, type)
    let storage = try storage(type)
    let stored = Int(clamping: HDF5Library.query { H5Dget_storage_size(dataset) })
    try weigh(declared: bytes, stored: stored, storage)
    return HDF5DatasetDescription(
      type: type, shape: shape, storage: storage, storedByteCount: stored, elementCount: elements)
  }

  private func extents() throws -> [Int] {
    let dataset = dataset
    let space = try Handle("look at the extents of", subject) { H5Dget_space(dataset) }
    return try Extents.read(space, subject, limit: limits.rank)
  }

  private func sizes(
    of shape: [Int], _ type: HDF5Type
  ) throws -> (elements: Int, bytes: Int) {
    guard let elements = Extents.product(shape),
      let bytes = Extents.product([elements, max(1, type.storedByteCount)])
    else { throw refusal("the extents \(shape) are too large for this machine") }
    return (elements, bytes)
  }

  private func storage(_ type: HDF5Type) throws -> HDF5DatasetDescription.Storage {
    let dataset = dataset
    let list = try Handle("look at the storage of", subject) { H5Dget_create_plist(dataset) }
    let layout = HDF5Library.query { H5Pget_layout(list.id) }
    guard HDF5Library.query({ H5Pget_external_count(list.id) }) == 0 else {
      throw refusal("its data lies in other files")
    }
    switch layout {
    case H5D_COMPACT: return .compact
    case H5D_CONTIGUOUS: return .contiguous
    case H5D_CHUNKED:
      return .chunked(extents: try chunkExtents(list, type), filters: try filters(list))
    case H5D_VIRTUAL: throw refusal("it is virtual: its data lies in other datasets")
    default: throw refusal("its storage layout is unknown")
    }
  }

  private func chunkExtents(
    _ list: borrowing Handle, _ type: HDF5Type
  ) throws -> [Int] {
    let id = list.id
    var extents = [UInt64](repeating: 0, count: limits.rank)
    let rank = Int32(extents.count)
    let found = try HDF5Library.call("look at the chunks of", subject) {
      H5Pget_chunk(id, rank, &extents)
    }
    let result = extents.prefix(Int(found)).map { Int(clamping: $0) }
    guard let elements = Extents.product(result), elements > 0,
      let bytes = Extents.product([elements, max(1, type.storedByteCount)]),
      bytes <= limits.chunkBytes
    else { throw refusal("its chunks of \(result) are too large") }
    return result
  }

  private func filters(
    _ list: borrowing Handle
  ) throws -> [HDF5DatasetDescription.Filter] {
    let id = list.id
    let count = try HDF5Library.call("look at the filters of", subject) { H5Pget_nfilters(id) }
    var result: [HDF5DatasetDescription.Filter] = []
    for index in 0..<UInt32(count) {
      var (flags, values): (UInt32, Int) = (0, 1)
      var value: UInt32 = 0
      let filter = try HDF5Library.call("look at the filters of", subject) {
        H5Pget_filter2(id, index, &flags, &values, &value, 0, nil, nil)
      }
      switch filter {
      case H5Z_FILTER_DEFLATE: result.append(.deflate(level: Int(value)))
      case H5Z_FILTER_SHUFFLE: result.append(.shuffle)
      case H5Z_FILTER_FLETCHER32: result.append(.fletcher32)
      default: throw refusal("its filter \(Self.name(of: Int(filter))) is not supported")
      }
    }
    return result
  }

  /// Names for the registered numbers that people meet.
  private static func name(of filter: Int) -> String {
    let names = [
      4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf", 32001: "blosc", 32004: "lz4",
      32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2",
    ]
    return names[filter].map { "\(filter) (\($0))" } ?? "\(filter)"
  }

  private func weigh(
    declared: Int, stored: Int, _ storage: HDF5DatasetDescription.Storage
  ) throws {
    let sizes = "it declares \(declared) bytes and stores \(stored)"
    guard stored <= fileSize else {
      throw refusal("\(sizes), in a file of \(fileSize)")
    }
    if case .chunked = storage {
      guard declared <= limits.unbackedBytes || stored > 0 else { throw refusal(sizes) }
      guard declared <= limits.expandedBytes || declared / limits.expansion <= stored else {
        throw refusal("\(sizes): more than any compression saves")
      }
      return
    }
    guard stored >= declared || (stored == 0 && declared <= limits.unbackedBytes) else {
      throw refusal(sizes)
    }
    guard case .contiguous = storage, stored > 0 else { return }
    let dataset = dataset
    let offset = HDF5Library.query { H5Dget_offset(dataset) }
    if offset == chdf5_no_address() {
      guard declared <= limits.unbackedBytes else { throw refusal("\(sizes), nowhere") }
    } else if offset > UInt64(fileSize) || stored > fileSize - Int(offset) {
      throw refusal("\(sizes), beyond the end of the file")
    }
  }

  private func refusal(_ reason: String) -> HDF5Error {
    HDF5Error(.badInput, "accept", subject, reason: reason)
  }
}

/// Extents of a dataspace, and products of them that do not overflow.
enum Extents {
  /// - Returns: the extents; empty for a scalar, `[0]` where there is no data at all.
  static func read(
    _ space: borrowing Handle, _ subject: String, limit: Int
  ) throws -> [Int] {
    let id = space.id
    switch HDF5Library.query({ H5Sget_simple_extent_type(id) }) {
    case H5S_SCALAR: return []
    case H5S_NULL: return [0]
    default: break
    }
    let rank = try HDF5Library.call("look at the extents of", subject) {
      H5Sget_simple_extent_ndims(id)
    }
    guard rank <= limit else {
      throw HDF5Error(.badInput, "accept", subject, reason: "it has \(rank) dimensions")
    }
    var extents = [UInt64](repeating: 0, count: Int(rank))
    try HDF5Library.call("look at the extents of", subject) {
      H5Sget_simple_extent_dims(id, &extents, nil)
    }
    var result: [Int] = []
    for extent in extents {
      guard let value = Int(exactly: extent) else {
        throw HDF5Error(.badInput, "accept", subject, reason: "an extent is \(extent)")
      }
      result.append(value)
    }
    return result
  }

  static func product(_ factors: [Int]) -> Int? {
    var product = 1
    for factor in factors {
      let (partial, overflow) = product.multipliedReportingOverflow(by: factor)
      guard !overflow else { return nil }
      product = partial
    }
    return product
  }
}
