/// A number as HDF5 stores it; the raw values are the names that NumPy uses.
public enum HDF5Number: String, CaseIterable, Sendable {
  case int8, int16, int32, int64, uint8, uint16, uint32, uint64
  case float16, bfloat16, float32, float64

  /// The size of one number in bytes.
  public var byteCount: Int {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }
}

/// The type of a dataset's or an attribute's elements.
public enum HDF5Type: Hashable, Sendable {
  /// A number; it is read and written as little-endian, whatever the file's order is.
  case number(HDF5Number, isBigEndian: Bool)
  /// A byte that is false or true, the way that h5py writes it.
  case boolean
  /// A string of at most `byteCount` bytes.
  case fixedString(byteCount: Int)
  /// A string of any length.
  case variableString
  /// Bytes without a meaning.
  case opaque(byteCount: Int)
  /// Something that can be carried along but not understood; `byteCount` is nil when its parts
  /// have no fixed size.
  case other(String, byteCount: Int?)

  /// The size of one element in a reader's buffer, or nil for what has no fixed size.
  public var byteCount: Int? {
    switch self {
    case .number(let number, _): number.byteCount
    case .boolean: 1
    case .fixedString(let byteCount), .opaque(let byteCount): byteCount
    case .other(_, let byteCount): byteCount
    case .variableString: nil
    }
  }

  /// The size of one element in the file; 16 for what lies elsewhere in it.
  var storedByteCount: Int { byteCount ?? 16 }

  public static func number(_ number: HDF5Number) -> HDF5Type {
    .number(number, isBigEndian: false)
  }
}

extension HDF5Type: CustomStringConvertible {
  public var description: String {
    switch self {
    case .number(let number, let isBigEndian): number.rawValue + (isBigEndian ? ", big-endian" : "")
    case .boolean: "bool"
    case .fixedString(let byteCount): "string of \(byteCount) bytes"
    case .variableString: "string"
    case .opaque(let byteCount): "\(byteCount) opaque bytes"
    case .other(let name, _): name
    }
  }
}
