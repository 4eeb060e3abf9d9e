internal import CHDF5

/// A group or a dataset: something that can carry attributes.
public class HDF5Object {
  /// The absolute path inside the file.
  public let path: String
  public let file: HDF5File
  let handle: Handle

  init(
    path: String, in file: HDF5File, _ operation: String,
    failing kind: HDF5Error.Kind = .badInput, _ open: (Int64) -> Int64
  ) throws {
    self.path = path
    self.file = file
    let location = try file.identifier()
    handle = try Handle(operation, file.subject(path), in: file.scope, failing: kind) {
      open(location)
    }
  }

  var subject: String { file.subject(path) }

  func subject(_ attribute: String) -> String { "\(subject)@\(attribute)" }

  /// The identifier, as long as the file is open.
  func identifier() throws -> Int64 {
    _ = try file.identifier()
    return handle.id
  }
}

// MARK: Reading attributes

extension HDF5Object {
  /// The names of the attributes, sorted by the library.
  public func attributeNames() throws -> [String] {
    try AttributeNames.read(
      try identifier(), subject, limit: file.limits.attributesPerObject)
  }

  public func hasAttribute(_ name: String) throws -> Bool {
    let id = try identifier()
    return try HDF5Library.call("look for the attribute", subject(name)) {
      H5Aexists(id, name)
    } > 0
  }

  /// The type and the extents of an attribute.
  public func attributeType(
    _ name: String
  ) throws -> (type: HDF5Type, shape: [Int]) {
    let attribute = try open(name)
    return (attribute.type, attribute.shape)
  }

  /// All strings of an attribute, in order; none when it is empty, whatever its type is.
  public func strings(attribute name: String) throws -> [String] {
    let attribute = try open(name)
    guard attribute.elementCount > 0 else { return [] }
    let id = attribute.handle.id
    let stored = try Handle("look at", subject(name)) { H5Aget_type(id) }
    return try Strings(
      type: attribute.type, stored: stored.id, count: attribute.elementCount,
      limit: file.limits.attributeBytes, subject: subject(name)
    ).read { memory, buffer, _ in H5Aread(id, memory, buffer) }
  }

  /// Hands over the strings of an attribute of variable length as bytes, which need not be UTF-8
  /// and are good until `body` returns.
  public func forEachRawString(
    attribute name: String, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let attribute = try open(name)
    guard attribute.type == .variableString, attribute.elementCount > 0 else { return }
    let (id, count) = (attribute.handle.id, attribute.elementCount)
    let stored = try Handle("look at", subject(name)) { H5Aget_type(id) }
    try Strings(
      type: .variableString, stored: stored.id, count: count, limit: file.limits.attributeBytes,
      subject: subject(name)
    ).withPointers { memory, buffer, _ in
      H5Aread(id, memory, buffer)
    } body: { pointers in
      try Strings.forEachRaw(count, pointers, body)
    }
  }

  /// The string of a scalar attribute, or nil when there is no such attribute.
  public func string(attribute name: String) throws -> String? {
    guard try hasAttribute(name) else { return nil }
    let all = try strings(attribute: name)
    guard let first = all.first, all.count == 1 else {
      throw HDF5Error(
        .badInput, "read", subject(name), reason: "expected one string, found \(all.count)")
    }
    return first
  }

  /// The numbers of an attribute, or nil when there is no such attribute.
  public func numbers(attribute name: String) throws -> [Double]? {
    guard try hasAttribute(name) else { return nil }
    let attribute = try open(name)
    guard case .number = attribute.type else {
      throw HDF5Error(
        .badInput, "read", subject(name), reason: "expected numbers, found \(attribute.type)")
    }
    let memory = try HDF5Number.float64.makeType()
    var values = [Double](repeating: 0, count: attribute.elementCount)
    let id = attribute.handle.id
    try values.withUnsafeMutableBytes { buffer in
      guard let start = buffer.baseAddress, buffer.count > 0 else { return }
      _ = try HDF5Library.call("read", subject(name)) { H5Aread(id, memory.id, start) }
    }
    // The library wrote little-endian, which is what every supported machine is.
    return values.map { Double(bitPattern: UInt64(littleEndian: $0.bitPattern)) }
  }

  private func open(_ name: String) throws -> OpenAttribute {
    try OpenAttribute(name, of: self)
  }
}

/// The names that an iteration has met.
struct AttributeNames {
  private var all: [String] = []
  private let limit: Int
  private var problem: String?

  private init(limit: Int) { self.limit = limit }

  /// - Parameter object: the identifier of a group or a dataset.
  static func read(_ object: Int64, _ subject: String, limit: Int) throws -> [String] {
    var names = AttributeNames(limit: limit)
    try withUnsafeMutablePointer(to: &names) { pointer in
      _ = try HDF5Library.call("list the attributes of", subject) {
        chdf5_each_attribute(
          object,
          { name, context in
            guard let name, let context else { return -1 }
            return context.assumingMemoryBound(to: AttributeNames.self).pointee.note(name)
          }, pointer)
      }
    }
    if let problem = names.problem {
      throw HDF5Error(.badInput, "list the attributes of", subject, reason: problem)
    }
    return names.all
  }

  private mutating func note(_ name: UnsafePointer<CChar>) -> Int32 {
    guard all.count < limit else {
      problem = "it carries more than \(limit) attributes"
      return 1
    }
    guard let name = String(validatingCString: name) else {
      problem = "the name of an attribute is not UTF-8"
      return 1
    }
    all.append(name)
    return 0
  }
}

/// An attribute whose size has been found acceptable.
struct OpenAttribute: ~Copyable {
  let handle: Handle
  let type: HDF5Type
  let shape: [Int]
  let elementCount: Int

  /// How many bytes a reader's buffer for it takes.
  let byteCount: Int

  init(_ name: String, of object: HDF5Object) throws {
    try self.init(
      name, of: try object.identifier(), object.subject(name), in: object.file.scope,
      object.file.limits)
  }

  /// - Parameter object: the identifier of a group or a dataset.
  init(
    _ name: String, of object: Int64, _ subject: String, in scope: FileScope? = nil,
    _ limits: HDF5Limits
  ) throws {
    let handle = try Handle("open the attribute", subject, in: scope) {
      H5Aopen(object, name, 0)
    }
    let stored = try Handle("look at", subject) { H5Aget_type(handle.id) }
    let space = try Handle("look at", subject) { H5Aget_space(handle.id) }
    let type = HDF5Type(describing: stored)
    let shape = try Extents.read(space, subject, limit: limits.rank)
    // Numbers are widened to eight bytes when they are read.
    let width = max(8, type.storedByteCount)
    guard let count = Extents.product(shape), let bytes = Extents.product([count, width]),
      bytes <= limits.attributeBytes
    else {
      throw HDF5Error(
        .badInput, "accept", subject,
        reason: "it is larger than \(limits.attributeBytes) bytes")
    }
    self.init(handle: handle, type: type, shape: shape, elementCount: count, byteCount: bytes)
  }

  private init(
    handle: consuming Handle, type: HDF5Type, shape: [Int], elementCount: Int, byteCount: Int
  ) {
    self.handle = handle
    self.type = type
    self.shape = shape
    self.elementCount = elementCount
    self.byteCount = byteCount
  }
}

// MARK: Writing attributes

extension HDF5Object {
  /// Adds one string of variable length.
  public func setAttribute(_ name: String, to value: String) throws {
    try setStrings(name, [value], isScalar: true)
  }

  /// Adds a list of strings of variable length.
  public func setAttribute(_ name: String, to values: [String]) throws {
    try setStrings(name, values, isScalar: false)
  }

  /// Adds a list of 32-bit floats; a list of one becomes a scalar.
  public func setAttribute(_ name: String, to values: [Float]) throws {
    let type = try HDF5Number.float32.makeType()
    let shape = values.count == 1 ? [] : [values.count]
    let attribute = try create(name, type, shape)
    let bytes = values.map(\.bitPattern.littleEndian)
    try bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress, !values.isEmpty else { return }
      _ = try HDF5Library.call("write", subject(name), failing: .io) {
        H5Awrite(attribute.id, type.id, start)
      }
    }
  }

  private func setStrings(
    _ name: String, _ values: [String], isScalar: Bool
  ) throws {
    let type = try HDF5Type.makeString(size: chdf5_variable_length(), subject(name))
    let attribute = try create(name, type, isScalar ? [] : [values.count])
    guard !values.isEmpty else { return }
    let subject = subject(name)
    try Strings.withPointers(to: values, subject) { pointers in
      _ = try HDF5Library.call("write", subject, failing: .io) {
        H5Awrite(attribute.id, type.id, pointers)
      }
    }
  }

  private func create(
    _ name: String, _ type: borrowing Handle, _ shape: [Int]
  ) throws -> Handle {
    let (id, typeID, subject) = (try identifier(), type.id, subject(name))
    let space = try Extents.make(shape, subject)
    return try Handle("create the attribute", subject, in: file.scope, failing: .io) {
      H5Acreate2(id, name, typeID, space.id, 0, 0)
    }
  }

  /// Copies attributes from another object, whatever their types are.
  ///
  /// - Parameter names: which ones; nil for all.
  public func copyAttributes(
    _ names: [String]? = nil, from source: HDF5Object
  ) throws {
    for name in try names ?? source.attributeNames() {
      try AttributeCopy(name: name, source: source, target: self).run()
    }
  }
}

extension Extents {
  /// A dataspace of the given extents; a scalar when there are none.
  ///
  /// - Parameter maximum: how far each axis may grow; nil for not at all.
  static func make(
    _ shape: [Int], maximum: [UInt64]? = nil, _ subject: String
  ) throws -> Handle {
    let extents = shape.map { UInt64($0) }
    return try Handle("make a space for", subject) {
      extents.isEmpty
        ? H5Screate(H5S_SCALAR)
        : H5Screate_simple(Int32(extents.count), extents, maximum ?? extents)
    }
  }
}
