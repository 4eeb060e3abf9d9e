/// A message of an object's header: one fact about the object.
struct HeaderMessage {
  /// The kinds that lead to other places of the file.
  enum Kind: Int {
    case linkInfo = 0x02
    case layout = 0x08
    case continuation = 0x10
    case symbolTable = 0x11
    case treeSizes = 0x13
    case attributeInfo = 0x15
    case other = -1
  }

  let kind: Kind
  let bytes: ArraySlice<UInt8>
}

extension StorageMapper {
  /// Notes an object's header and all that it leads to.
  func mapObject(_ path: String, at address: UInt64) throws {
    guard isNew(address) else { return }
    for message in try mapHeader(at: address) {
      var fields = FieldReader(message.bytes, widths)
      switch message.kind {
      case .layout: try mapLayout(&fields, of: path)
      case .symbolTable:
        if let tree = try fields.address() { try mapGroupTree(at: tree, level: nil) }
        if let heap = try fields.address() { try mapLocalHeap(at: heap) }
      case .linkInfo: try mapDense(&fields, orderWidth: 8)
      case .attributeInfo: try mapDense(&fields, orderWidth: 2)
      default: break
      }
    }
  }

  /// Notes a header with all its parts.
  func mapHeader(at address: UInt64) throws -> [HeaderMessage] {
    var start = try read(address, min(4, raw.byteCount))
    let hasSignature = (try? start.expect("OHDR")) != nil
    let header =
      hasSignature
      ? try newHeader(at: address) : (messages: try oldHeader(at: address), isOrdered: false)
    var messages = header.messages
    var next = 0
    // Each part can name further ones.
    while next < messages.count {
      defer { next += 1 }
      guard messages[next].kind == .continuation else { continue }
      var fields = FieldReader(messages[next].bytes, widths)
      guard let part = try fields.address() else { continue }
      let count = try fields.length()
      guard isNew(part) else { continue }
      try claim(part, count, .header)
      var content = try read(part, count)
      if hasSignature {
        try content.expect("OCHK")
        let body = try content.take(content.remaining - 4)
        messages += try newMessages(body, isOrdered: header.isOrdered)
      } else {
        messages += try oldMessages(try content.take(count))
      }
    }
    return messages
  }

  private func newHeader(
    at address: UInt64
  ) throws -> (messages: [HeaderMessage], isOrdered: Bool) {
    var head = try read(address, min(34, raw.byteCount))
    try head.skip(5)
    let flags = try head.count(1)
    try head.skip((flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0))
    let count = try head.count(1 << (flags & 3))
    let start = head.position
    guard count <= raw.byteCount else { throw StructureError.cutOff }
    try claim(address, start + count + 4, .header)
    var all = try read(address, start + count)
    try all.skip(start)
    return (
      try newMessages(try all.take(count), isOrdered: flags & 4 != 0), flags & 4 != 0
    )
  }

  private func newMessages(
    _ bytes: ArraySlice<UInt8>, isOrdered: Bool
  ) throws -> [HeaderMessage] {
    var fields = FieldReader(bytes, widths)
    var messages: [HeaderMessage] = []
    let prefix = isOrdered ? 6 : 4
    // A gap at the end is too small for a message.
    while fields.remaining >= prefix {
      let kind = try fields.count(1)
      let count = try fields.count(2)
      let flags = try fields.count(1)
      try fields.skip(prefix - 4)
      append(kind, flags, try fields.take(count), to: &messages)
    }
    return messages
  }

  private func oldHeader(at address: UInt64) throws -> [HeaderMessage] {
    var head = try read(address, 16)
    guard try head.count(1) == 1 else {
      throw StructureError.unknown("an object header of an unknown version")
    }
    try head.skip(7)
    let count = try head.count(4)
    try claim(address, 16 + count, .header)
    var all = try read(address, 16 + count)
    try all.skip(16)
    return try oldMessages(try all.take(count))
  }

  private func oldMessages(_ bytes: ArraySlice<UInt8>) throws -> [HeaderMessage] {
    var fields = FieldReader(bytes, widths)
    var messages: [HeaderMessage] = []
    while fields.remaining >= 8 {
      let kind = try fields.count(2)
      let count = try fields.count(2)
      let flags = try fields.count(1)
      try fields.skip(3)
      append(kind, flags, try fields.take(count), to: &messages)
    }
    return messages
  }

  private func append(
    _ kind: Int, _ flags: Int, _ bytes: ArraySlice<UInt8>, to messages: inout [HeaderMessage]
  ) {
    // A shared message only says where the real one is, which belongs to somebody else.
    guard flags & 2 == 0, let known = HeaderMessage.Kind(rawValue: kind) else { return }
    messages.append(HeaderMessage(kind: known, bytes: bytes))
  }

  // MARK: Data

  private func mapLayout(_ fields: inout FieldReader, of path: String) throws {
    guard case .dataset(let description) = file.node(at: path) else { return }
    let version = try fields.count(1)
    var rank = 0
    if version < 3 { rank = try fields.count(1) }
    let kind = try fields.count(1)
    if version < 3 { try fields.skip(5) }
    switch (kind, version) {
    case (0, _): break
    case (1, _):
      if let data = try fields.address() { try claim(data, description.storedByteCount, .data) }
    case (2, ...3):
      if version == 3 { rank = try fields.count(1) }
      if let tree = try fields.address() { try mapChunkTree(at: tree, rank: rank, level: nil) }
    default:
      // Newer kinds of index are left to the library, which says how large they are, not where.
      let dataset = try file.dataset(at: path)
      for chunk in try dataset.storedChunkExtents() {
        try claim(chunk.address, chunk.byteCount, .data)
      }
      map.unlocatedByteCount += try dataset.indexByteCount()
    }
  }
}
