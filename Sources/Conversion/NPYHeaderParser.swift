internal import ModelCore
internal import Zip

/// Reads the one Python dictionary that heads a NumPy array file, and nothing else of Python.
///
///     header = "{" key ":" value ("," key ":" value)* ","? "}"
///     value  = string | "True" | "False" | "(" (integer ",")* integer? ")"
///
/// Every key occurs once: `descr`, `fortran_order`, `shape`.
struct NPYHeaderParser {
  private let text: [UInt8]
  private var position = 0

  init(_ text: [UInt8]) { self.text = text }

  mutating func header() throws(HeaderError) -> NPYHeader {
    var descriptor: String?
    var order: Bool?
    var shape: Shape?
    try expect("{")
    while !take("}") {
      let key = try string("a key")
      try expect(":")
      switch key {
      case "descr" where descriptor == nil: descriptor = try descriptorText()
      case "fortran_order" where order == nil: order = try boolean()
      case "shape" where shape == nil: shape = try tuple()
      case "descr", "fortran_order", "shape":
        throw .mismatch(expected: "each key once", found: "\(quoted(key)) twice")
      default:
        throw .mismatch(
          expected: "the keys 'descr', 'fortran_order' and 'shape'", found: quoted(key))
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == text.count else { throw misfit("the end of the header") }
    guard let descriptor, let order, let shape else {
      let missing = [
        ("descr", descriptor == nil), ("fortran_order", order == nil), ("shape", shape == nil),
      ]
      throw .mismatch(
        expected: "the keys 'descr', 'fortran_order' and 'shape'",
        found: "no '" + missing.filter(\.1).map(\.0).joined(separator: "' and no '") + "'")
    }
    let (element, isBigEndian) = try Self.element(descriptor)
    var header = NPYHeader(element: element, shape: shape)
    header.isBigEndian = isBigEndian
    // With fewer than two axes both orders are the same.
    header.isFortranOrder = order && shape.dimensions.count > 1
    return header
  }

  private mutating func descriptorText() throws(HeaderError) -> String {
    skipSpace()
    if position < text.count,
      text[position] == UInt8(ascii: "[") || text[position] == UInt8(ascii: "(")
    {
      throw .unsupported(
        what: "it is a structured array", advice: "save each of its fields as an array of its own")
    }
    return try string("a type")
  }

  private mutating func tuple() throws(HeaderError) -> Shape {
    try expect("(")
    var extents: [Int] = []
    var endsInComma = true
    while !take(")") {
      guard endsInComma else { throw misfit("',' or ')'") }
      extents.append(try integer())
      endsInComma = take(",")
      guard extents.count <= 64 else {
        throw .mismatch(expected: "at most 64 axes", found: "more")
      }
    }
    guard extents.count != 1 || endsInComma else {
      throw .mismatch(expected: "a shape such as (\(extents[0]),)", found: "(\(extents[0]))")
    }
    do {
      return try Shape(extents)
    } catch {
      throw .mismatch(expected: "a shape that this machine can hold", found: "\(extents)")
    }
  }

  private mutating func integer() throws(HeaderError) -> Int {
    skipSpace()
    let start = position
    while position < text.count, (0x30...0x39).contains(text[position]) { position += 1 }
    guard position > start else { throw misfit("an extent of 0 or more") }
    let digits = String(decoding: text[start..<position], as: UTF8.self)
    guard let value = Int(digits) else {
      throw .mismatch(expected: "an extent that this machine can hold", found: digits)
    }
    // Python 2 marked its long integers.
    if position < text.count, text[position] == UInt8(ascii: "L") { position += 1 }
    return value
  }

  private mutating func boolean() throws(HeaderError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)]
    where text[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw misfit("True or False")
  }

  private mutating func string(_ what: String) throws(HeaderError) -> String {
    skipSpace()
    guard position < text.count, text[position] == 0x27 || text[position] == 0x22 else {
      throw misfit("\(what) in quotes")
    }
    let quote = text[position]
    position += 1
    let start = position
    while position < text.count, text[position] != quote {
      guard text[position] != UInt8(ascii: "\\"), (0x20..<0x7F).contains(text[position]) else {
        throw misfit("\(what) in plain ASCII")
      }
      position += 1
    }
    guard position < text.count else { throw misfit("a closing quote") }
    defer { position += 1 }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  private mutating func expect(_ character: Character) throws(HeaderError) {
    guard take(character) else { throw misfit("'\(character)'") }
  }

  private mutating func take(_ character: Character) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == character.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x0A, 0x09, 0x0D].contains(text[position]) {
      position += 1
    }
  }

  private func misfit(_ expected: String) -> HeaderError {
    let rest = text[min(position, text.count)...].prefix(20)
    return .mismatch(
      expected: "\(expected) at byte \(position) of the header",
      found: rest.isEmpty ? "its end" : describe(rest))
  }
}

extension NPYHeaderParser {
  /// What a type such as `<f4` stands for.
  static func element(
    _ descriptor: String
  ) throws(HeaderError) -> (element: StoredElement, isBigEndian: Bool) {
    let bytes = Array(descriptor.utf8)
    guard let order = bytes.first, "<>=|".utf8.contains(order), bytes.count > 1 else {
      throw unknown(descriptor)
    }
    let kind = Character(Unicode.Scalar(bytes[1]))
    let digits = bytes.dropFirst(2)
    if let refusal = refusal(kind, descriptor) { throw refusal }
    guard let width = Int(String(decoding: digits, as: UTF8.self)), width >= 0,
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { throw unknown(descriptor) }
    let isBigEndian = order == UInt8(ascii: ">")
    switch kind {
    case "S" where width <= longestText: return (.bytes(width: width), false)
    case "U" where order != UInt8(ascii: "|") && width <= longestText:
      return (.unicode(width: width), isBigEndian)
    default: break
    }
    guard let type = numbers["\(kind)\(width)"] else {
      if ["f", "i", "u", "b"].contains(kind) {
        throw .unsupported(
          what: "it holds elements of type \(quoted(descriptor))",
          advice: "save it as one of bool, int8 to int64, uint8 to uint64, float16 to float64")
      }
      throw unknown(descriptor)
    }
    guard order != UInt8(ascii: "|") || type.byteCount == 1 else { throw unknown(descriptor) }
    return (.number(type), isBigEndian && type.byteCount > 1)
  }

  /// No name or class is longer, in characters.
  private static let longestText = 1 << 20

  private static let numbers: [String: ElementType] = [
    "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8,
    "u2": .uint16, "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64,
  ]

  private static func refusal(_ kind: Character, _ descriptor: String) -> HeaderError? {
    switch kind {
    case "O":
      .unsupported(
        what: "it is a pickled object array, and reading one can run any code",
        advice: "save it as numbers or as fixed-length strings (array.astype('U'))")
    case "V":
      .unsupported(
        what: "it holds raw bytes of type \(quoted(descriptor)), which is what becomes of bfloat16",
        advice: "save it as float32")
    case "M", "m":
      .unsupported(
        what: "it holds dates or times of type \(quoted(descriptor))", advice: "save it as int64")
    case "c":
      .unsupported(
        what: "it holds complex numbers of type \(quoted(descriptor))",
        advice: "save real and imaginary parts as arrays of their own")
    default: nil
    }
  }

  private static func unknown(_ descriptor: String) -> HeaderError {
    .mismatch(expected: "a type such as '<f4'", found: quoted(descriptor))
  }
}
