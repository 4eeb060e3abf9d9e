internal import CHDF5
internal import Foundation

/// Carries one attribute over to another file, bit for bit.
struct AttributeCopy {
  let name: String
  let source: HDF5Object
  let target: HDF5Object

  func run() throws {
    let attribute = try OpenAttribute(name, of: source)
    let subject = source.subject(name)
    let attributeID = attribute.handle.id
    let type = try Handle("look at", subject) { H5Aget_type(attributeID) }
    let space = try Handle("look at", subject) { H5Aget_space(attributeID) }
    guard HDF5Library.query({ H5Tdetect_class(type.id, H5T_REFERENCE) }) == 0 else {
      throw HDF5Error(.badInput, "copy", subject, reason: "it holds references")
    }
    let targetID = try target.identifier()
    let copy = try Handle(
      "create the attribute", target.subject(name), in: target.file.scope, failing: .io
    ) { H5Acreate2(targetID, name, type.id, space.id, 0, 0) }
    guard attribute.elementCount > 0 else { return }
    if case .variableString = attribute.type {
      try copyStrings(from: attribute, to: copy, type)
    } else {
      try copyBytes(from: attribute, to: copy, type, space)
    }
  }

  private func copyStrings(
    from attribute: borrowing OpenAttribute, to copy: borrowing Handle, _ type: borrowing Handle
  ) throws {
    let (sourceID, copyID, typeID) = (attribute.handle.id, copy.id, type.id)
    let targetSubject = target.subject(name)
    try Strings(
      type: .variableString, stored: typeID, count: attribute.elementCount,
      limit: source.file.limits.attributeBytes, subject: source.subject(name)
    ).withPointers { _, buffer, _ in
      H5Aread(sourceID, typeID, buffer)
    } body: { pointers in
      _ = try HDF5Library.call("write", targetSubject, failing: .io) {
        H5Awrite(copyID, typeID, pointers)
      }
    }
  }

  private func copyBytes(
    from attribute: borrowing OpenAttribute, to copy: borrowing Handle, _ type: borrowing Handle,
    _ space: borrowing Handle
  ) throws {
    let (sourceID, copyID, typeID, spaceID) = (attribute.handle.id, copy.id, type.id, space.id)
    // The size in memory can differ from the one in the file: sequences are pointers there.
    let size = HDF5Library.query { H5Tget_size(typeID) }
    guard let bytes = Extents.product([size, attribute.elementCount]) else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes), alignment: 16)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    defer { buffer.deallocate() }
    let start = buffer.baseAddress
    try HDF5Library.call("read", source.subject(name)) { H5Aread(sourceID, typeID, start) }
    defer { _ = HDF5Library.query { H5Dvlen_reclaim(typeID, spaceID, 0, start) } }
    try HDF5Library.call("write", target.subject(name), failing: .io) {
      H5Awrite(copyID, typeID, start)
    }
  }
}
