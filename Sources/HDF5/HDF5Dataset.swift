internal import CHDF5

/// An array in a file.
///
/// Elements pass in and out as they are stored, row-major and little-endian. The library trusts
/// the size of a buffer, so every size is compared with the extents first.
public final class HDF5Dataset: HDF5Object {
  public let description: HDF5DatasetDescription

  public var type: HDF5Type { description.type }
  public var shape: [Int] { description.shape }
  /// The extent of the outermost axis; 1 for a scalar.
  public var rowCount: Int { shape.first ?? 1 }

  init(
    opening path: String, in file: HDF5File, _ description: HDF5DatasetDescription
  ) throws {
    self.description = description
    // Room for a few chunks, or each would be unpacked anew for every part of it that is read.
    let room = Self.cacheSize(description)
    let subject = file.subject(path)
    let access = try Handle("open dataset", subject) { H5Pcreate(chdf5_dataset_access()) }
    try HDF5Library.call("open dataset", subject) {
      H5Pset_chunk_cache(access.id, 521, room, 0.75)
    }
    try super.init(path: path, in: file, "open dataset") { H5Dopen2($0, path, access.id) }
  }

  init(
    creating path: String, in file: HDF5File, _ description: HDF5DatasetDescription,
    maximum: [UInt64]?, type: borrowing Handle, creation: borrowing Handle
  ) throws {
    self.description = description
    let (typeID, list) = (type.id, creation.id)
    let space = try Extents.make(description.shape, maximum: maximum, file.subject(path))
    try super.init(path: path, in: file, "create dataset", failing: .io) {
      H5Dcreate2($0, path, typeID, space.id, 0, list, 0)
    }
  }

  private static func cacheSize(_ description: HDF5DatasetDescription) -> Int {
    guard case .chunked(let extents, _) = description.storage,
      let elements = Extents.product(extents),
      let bytes = Extents.product([elements, max(1, description.type.storedByteCount), 4])
    else { return 1 << 20 }
    return min(max(bytes, 1 << 20), 256 << 20)
  }

  /// How many bytes `count` rows take in a buffer.
  ///
  /// - Throws: `HDF5Error` when the elements have no fixed size.
  public func byteCount(rows count: Int) throws -> Int {
    guard let width = type.byteCount else {
      throw HDF5Error(.badInput, "read", subject, reason: "its elements are of the type '\(type)'")
    }
    guard let bytes = Extents.product([count, width] + shape.dropFirst()) else {
      throw HDF5Error(.badInput, "read", subject, reason: "it is too large for this machine")
    }
    return bytes
  }
}

extension HDF5Dataset {
  /// How many bytes `count` rows take in a buffer that is about to be made.
  ///
  /// - Throws: `HDF5Error` also when that is more than this machine can be asked for: a sound
  ///   file may declare a thousand times what it stores.
  public func bufferByteCount(rows count: Int) throws -> Int {
    let bytes = try byteCount(rows: count)
    guard bytes <= file.limits.bufferBytes else {
      throw HDF5Error(
        .badInput, "read", subject,
        reason: "\(count) of its rows take \(bytes) bytes in memory; the limit is "
          + "\(file.limits.bufferBytes)")
    }
    return bytes
  }
}

// MARK: Numbers

extension HDF5Dataset {
  /// Reads neighbouring rows.
  ///
  /// - Parameters:
  ///   - rows: within `0..<rowCount`; nil for everything.
  ///   - buffer: exactly as large as the rows are.
  public func read(
    _ rows: Range<Int>? = nil, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    let rows = rows ?? 0..<rowCount
    try check(rows, buffer.count, "read")
    guard let start = buffer.baseAddress, !buffer.isEmpty else { return }
    try transfer(rows, "read", failing: .badInput) { id, memory, memorySpace, fileSpace in
      H5Dread(id, memory, memorySpace, fileSpace, 0, start)
    }
  }

  /// Reads neighbouring rows, or everything, into a new array.
  public func bytes(_ rows: Range<Int>? = nil) throws -> [UInt8] {
    let count = try bufferByteCount(rows: rows?.count ?? rowCount)
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { buffer in
      try read(rows, into: buffer)
    }
    return bytes
  }

  /// Writes neighbouring rows.
  ///
  /// - Parameters:
  ///   - rows: within `0..<rowCount`; nil for everything.
  ///   - buffer: exactly as large as the rows are.
  public func write(
    _ rows: Range<Int>? = nil, from buffer: UnsafeRawBufferPointer
  ) throws {
    let rows = rows ?? 0..<rowCount
    try check(rows, buffer.count, "write")
    guard let start = buffer.baseAddress, !buffer.isEmpty else { return }
    try transfer(rows, "write", failing: .io) { id, memory, memorySpace, fileSpace in
      H5Dwrite(id, memory, memorySpace, fileSpace, 0, start)
    }
  }

  private func check(
    _ rows: Range<Int>, _ bytes: Int, _ operation: String
  ) throws {
    guard rows.lowerBound >= 0, rows.upperBound <= rowCount else {
      throw HDF5Error(
        .badInput, operation, subject, reason: "rows \(rows) are not among \(rowCount)")
    }
    let expected = try byteCount(rows: rows.count)
    guard bytes == expected else {
      throw HDF5Error(
        .badInput, operation, subject,
        reason: "the rows take \(expected) bytes, and the buffer has \(bytes)")
    }
  }

  /// Selects rows and makes one call with the dataset, the type in memory, and both spaces.
  fileprivate func transfer(
    _ rows: Range<Int>, _ operation: String, failing kind: HDF5Error.Kind,
    _ body: (Int64, Int64, Int64, Int64) -> Int32
  ) throws {
    let id = try identifier()
    let type = try memoryType()
    let memory = try memorySpace(rows)
    let file = try fileSpace(rows)
    try HDF5Library.call(operation, subject, failing: kind) {
      body(id, type.id, memory.id, file.id)
    }
  }

  /// The extents of some rows; of everything where there is only a single value.
  private func memorySpace(_ rows: Range<Int>) throws -> Handle {
    try Extents.make(shape.isEmpty ? [] : [rows.count] + shape.dropFirst(), subject)
  }

  /// The dataset's own extents, with some rows selected.
  private func fileSpace(_ rows: Range<Int>) throws -> Handle {
    let id = try identifier()
    let space = try Handle("select rows of", subject) { H5Dget_space(id) }
    guard !shape.isEmpty else { return space }
    var start = [UInt64](repeating: 0, count: shape.count)
    start[0] = UInt64(rows.lowerBound)
    let count = ([rows.count] + shape.dropFirst()).map { UInt64($0) }
    try HDF5Library.call("select rows of", subject) {
      H5Sselect_hyperslab(space.id, H5S_SELECT_SET, start, nil, count, nil)
    }
    return space
  }

  /// Numbers are little-endian in memory; everything else looks as it does in the file.
  private func memoryType() throws -> Handle {
    if case .number(let number, _) = type { return try number.makeType() }
    return try storedType()
  }

  /// How far each axis may grow.
  func maximumExtents() throws -> [UInt64] {
    let id = try identifier()
    let space = try Handle("look at the extents of", subject) { H5Dget_space(id) }
    var extents = shape.map { UInt64($0) }
    guard HDF5Library.query({ H5Sget_simple_extent_type(space.id) }) == H5S_SIMPLE else {
      return extents
    }
    try HDF5Library.call("look at the extents of", subject) {
      H5Sget_simple_extent_dims(space.id, nil, &extents)
    }
    return extents
  }

  func storedType() throws -> Handle {
    let id = try identifier()
    return try Handle("look at the type of", subject) { H5Dget_type(id) }
  }
}

// MARK: Strings

extension HDF5Dataset {
  /// Reads strings of neighbouring rows, or all of them.
  public func strings(_ rows: Range<Int>? = nil) throws -> [String] {
    let rows = rows ?? 0..<rowCount
    guard rows.lowerBound >= 0, rows.upperBound <= rowCount, shape.count <= 1 else {
      throw HDF5Error(
        .badInput, "read", subject, reason: "rows \(rows) are not strings of \(shape)")
    }
    guard !rows.isEmpty, description.elementCount > 0 else { return [] }
    let stored = try storedType()
    let strings = Strings(
      type: type, stored: stored.id, count: rows.count, limit: file.limits.stringBytes,
      subject: subject)
    return try readStrings(strings, rows)
  }

  private func readStrings(
    _ strings: Strings, _ rows: Range<Int>
  ) throws -> [String] {
    let id = try identifier()
    let memory = try memorySpace(rows)
    let file = try fileSpace(rows)
    let (memoryID, fileID) = (memory.id, file.id)
    return try strings.read { type, buffer, transfer in
      H5Dread(id, type, memoryID, fileID, transfer, buffer)
    }
  }

  /// Copies all strings of variable length from a dataset of the same shape, as they are.
  ///
  /// Unlike reading and writing them, this does not ask that they be UTF-8.
  public func copyStrings(from source: HDF5Dataset) throws {
    guard shape == source.shape, type == .variableString, source.type == .variableString else {
      throw HDF5Error(.badInput, "copy", source.subject, reason: "the shapes or types differ")
    }
    try source.forEachPointerBlock { rows, pointers in
      try transfer(rows, "write", failing: .io) { id, memory, memorySpace, fileSpace in
        H5Dwrite(id, memory, memorySpace, fileSpace, 0, pointers)
      }
    }
  }

  /// Hands over all strings of variable length, one after another.
  ///
  /// - Parameter body: gets a string's bytes, which need not be UTF-8 and are good until it
  ///   returns; a string that was never written is left out.
  public func forEachRawString(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let width = Extents.product(Array(shape.dropFirst())) ?? 1
    try forEachPointerBlock { rows, pointers in
      try Strings.forEachRaw(rows.count * width, pointers, body)
    }
  }

  /// Reads strings of variable length, whatever is in them, some rows at a time.
  ///
  /// - Parameter body: gets the rows and an array of pointers to C strings, good until it returns.
  private func forEachPointerBlock(
    _ body: (Range<Int>, UnsafeRawPointer) throws -> Void
  ) throws {
    let width = Extents.product(Array(shape.dropFirst())) ?? 1
    guard description.elementCount > 0 else { return }
    let block = max(1, 4096 / max(1, width))
    let stored = try storedType()
    let id = try identifier()
    for start in stride(from: 0, to: rowCount, by: block) {
      let rows = start..<min(start + block, rowCount)
      let memory = try memorySpace(rows)
      let file = try fileSpace(rows)
      let (memoryID, fileID) = (memory.id, file.id)
      try Strings(
        type: type, stored: stored.id, count: rows.count * width,
        limit: self.file.limits.stringBytes, subject: subject
      ).withPointers { type, buffer, transfer in
        H5Dread(id, type, memoryID, fileID, transfer, buffer)
      } body: {
        try body(rows, $0)
      }
    }
  }

  /// Writes strings of variable length to neighbouring rows, or to all of them.
  public func write(_ rows: Range<Int>? = nil, strings: [String]) throws {
    let rows = rows ?? 0..<rowCount
    guard rows.lowerBound >= 0, rows.upperBound <= rowCount, shape.count <= 1,
      rows.count == strings.count, type == .variableString
    else {
      throw HDF5Error(
        .badInput, "write", subject,
        reason: "\(strings.count) strings do not fit rows \(rows) of \(shape), type '\(type)'")
    }
    guard !strings.isEmpty else { return }
    try Strings.withPointers(to: strings, subject) { pointers in
      try transfer(rows, "write", failing: .io) { id, memory, memorySpace, fileSpace in
        H5Dwrite(id, memory, memorySpace, fileSpace, 0, pointers)
      }
    }
  }
}
