internal import CHDF5

/// Carries one attribute over to another file, bit for bit.
struct AttributeCopy {
  let name: String
  let source: HDF5Object
  let target: HDF5Object

  func run() throws {
    let targetID = try target.identifier()
    let subject = target.subject(name)
    try source.withElements(ofAttribute: name) { type, space, elements in
      let copy = try Handle("create the attribute", subject, in: target.file.scope, failing: .io) {
        H5Acreate2(targetID, name, type, space, 0, 0)
      }
      guard let elements else { return }
      try HDF5Library.call("write", subject, failing: .io) { H5Awrite(copy.id, type, elements) }
    }
  }
}

extension HDF5Object {
  /// Reads every attribute, whatever its type is, and keeps nothing of it.
  public func readThroughAttributes() throws {
    for name in try attributeNames() { try withElements(ofAttribute: name) { _, _, _ in } }
  }

  /// Reads an attribute the way it lies in the file.
  ///
  /// - Parameter body: gets the type, the space, and the elements unless there are none; what
  ///   has no fixed size is a pointer among them.
  fileprivate func withElements(
    ofAttribute name: String, _ body: (Int64, Int64, UnsafeRawPointer?) throws -> Void
  ) throws {
    let attribute = try OpenAttribute(name, of: self)
    let subject = subject(name)
    let id = attribute.handle.id
    let type = try Handle("look at", subject) { H5Aget_type(id) }
    let space = try Handle("look at", subject) { H5Aget_space(id) }
    guard HDF5Library.query({ H5Tdetect_class(type.id, H5T_REFERENCE) }) == 0 else {
      throw HDF5Error(.badInput, "copy", subject, reason: "it holds references")
    }
    guard attribute.elementCount > 0 else { return try body(type.id, space.id, nil) }
    if case .variableString = attribute.type {
      try Strings(
        type: .variableString, stored: type.id, count: attribute.elementCount,
        limit: file.limits.attributeBytes, subject: subject
      ).withPointers { _, buffer, _ in
        H5Aread(id, type.id, buffer)
      } body: {
        try body(type.id, space.id, $0)
      }
    } else {
      try withBytes(attribute, type, space, subject, body)
    }
  }

  private func withBytes(
    _ attribute: borrowing OpenAttribute, _ type: borrowing Handle, _ space: borrowing Handle,
    _ subject: String, _ body: (Int64, Int64, UnsafeRawPointer?) throws -> Void
  ) throws {
    let (id, typeID, spaceID) = (attribute.handle.id, type.id, space.id)
    // The size in memory can differ from the one in the file: sequences are pointers there.
    let size = HDF5Library.query { H5Tget_size(typeID) }
    guard let bytes = Extents.product([size, attribute.elementCount]) else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes), alignment: 16)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    defer { buffer.deallocate() }
    let start = buffer.baseAddress
    try HDF5Library.call("read", subject) { H5Aread(id, typeID, start) }
    defer { _ = HDF5Library.query { H5Dvlen_reclaim(typeID, spaceID, 0, start) } }
    try body(typeID, spaceID, start.map { UnsafeRawPointer($0) })
  }
}
