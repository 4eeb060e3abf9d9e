internal import CHDF5

extension HDF5Number {
  /// Sign position, exponent position and size, mantissa position and size, exponent bias.
  private var halfFields: (Int, Int, Int, Int, Int, Int)? {
    switch self {
    case .float16: (15, 10, 5, 0, 10, 15)
    case .bfloat16: (15, 7, 8, 0, 7, 127)
    default: nil
    }
  }

  /// The little-endian type of this number, for files and for memory alike.
  func makeType() throws -> Handle {
    if let (sign, exponent, exponentSize, mantissa, mantissaSize, bias) = halfFields {
      let type = try Handle("make the type", rawValue) { H5Tcopy(chdf5_float(4)) }
      // The fields must lie inside the new size before it shrinks.
      try HDF5Library.call("make the type", rawValue) { () -> Int32 in
        let fields = H5Tset_fields(
          type.id, sign, exponent, exponentSize, mantissa, mantissaSize)
        guard fields >= 0, H5Tset_precision(type.id, 16) >= 0, H5Tset_size(type.id, 2) >= 0
        else { return -1 }
        return H5Tset_ebias(type.id, bias)
      }
      return type
    }
    let size = byteCount
    return try Handle("make the type", rawValue) {
      switch self {
      case .float32, .float64: H5Tcopy(chdf5_float(size))
      case .int8, .int16, .int32, .int64: H5Tcopy(chdf5_integer(size, 1))
      default: H5Tcopy(chdf5_integer(size, 0))
      }
    }
  }

  fileprivate init?(_ type: borrowing Handle, class kind: H5T_class_t, byteCount: Int) {
    let id = type.id
    guard HDF5Library.query({ H5Tget_precision(id) }) == byteCount * 8,
      HDF5Library.query({ H5Tget_offset(id) }) == 0
    else { return nil }
    if kind == H5T_INTEGER {
      let isSigned = HDF5Library.query { H5Tget_sign(id) } == H5T_SGN_2
      self.init(rawValue: (isSigned ? "int" : "uint") + String(byteCount * 8))
      return
    }
    guard let float = Self.float(id, byteCount: byteCount) else { return nil }
    self = float
  }

  private static func float(_ id: hid_t, byteCount: Int) -> HDF5Number? {
    var (sign, exponent, exponentSize, mantissa, mantissaSize) = (0, 0, 0, 0, 0)
    let found = HDF5Library.query {
      H5Tget_fields(id, &sign, &exponent, &exponentSize, &mantissa, &mantissaSize)
    }
    let bias = HDF5Library.query { H5Tget_ebias(id) }
    guard found >= 0, HDF5Library.query({ H5Tget_norm(id) }) == H5T_NORM_IMPLIED else { return nil }
    let fields = [sign, exponent, exponentSize, mantissa, mantissaSize, bias]
    switch (byteCount, fields) {
    case (2, [15, 10, 5, 0, 10, 15]): return .float16
    case (2, [15, 7, 8, 0, 7, 127]): return .bfloat16
    case (4, [31, 23, 8, 0, 23, 127]): return .float32
    case (8, [63, 52, 11, 0, 52, 1023]): return .float64
    default: return nil
    }
  }
}

extension HDF5Type {
  /// What a type of the library is, in our words.
  init(describing type: borrowing Handle) {
    let id = type.id
    let byteCount = HDF5Library.query { H5Tget_size(id) }
    let kind = HDF5Library.query { H5Tget_class(id) }
    switch kind {
    case H5T_INTEGER, H5T_FLOAT:
      let order = HDF5Library.query { H5Tget_order(id) }
      guard order == H5T_ORDER_LE || order == H5T_ORDER_BE || byteCount == 1,
        let number = HDF5Number(type, class: kind, byteCount: byteCount)
      else {
        self = .other("number of \(byteCount) bytes", byteCount: byteCount)
        return
      }
      self = .number(number, isBigEndian: order == H5T_ORDER_BE && byteCount > 1)
    case H5T_STRING:
      let isVariable = HDF5Library.query { H5Tis_variable_str(id) } > 0
      self = isVariable ? .variableString : .fixedString(byteCount: byteCount)
    case H5T_OPAQUE: self = .opaque(byteCount: byteCount)
    case H5T_ENUM where Self.isBoolean(id, byteCount: byteCount): self = .boolean
    default:
      self = .other(
        Self.name(of: kind), byteCount: Self.hasVariableParts(id) ? nil : byteCount)
    }
  }

  private static func isBoolean(_ id: hid_t, byteCount: Int) -> Bool {
    HDF5Library.query {
      guard byteCount == 1, H5Tget_nmembers(id) == 2 else { return false }
      var no: UInt8 = 1
      var yes: UInt8 = 0
      return H5Tenum_valueof(id, "FALSE", &no) >= 0 && H5Tenum_valueof(id, "TRUE", &yes) >= 0
        && no == 0 && yes == 1
    }
  }

  /// Whether elements point to more of themselves; also where it cannot be told.
  private static func hasVariableParts(_ id: hid_t) -> Bool {
    HDF5Library.query {
      H5Tdetect_class(id, H5T_VLEN) != 0 || H5Tdetect_class(id, H5T_STRING) != 0
    }
  }

  private static func name(of kind: H5T_class_t) -> String {
    switch kind {
    case H5T_COMPOUND: "compound"
    case H5T_REFERENCE: "reference"
    case H5T_ENUM: "enumeration"
    case H5T_VLEN: "sequence of variable length"
    case H5T_ARRAY: "array"
    case H5T_BITFIELD: "bit field"
    case H5T_TIME: "time"
    default: "unknown type"
    }
  }

  /// The type of new datasets and attributes.
  ///
  /// - Throws: `HDF5Error` for what is only ever read.
  func makeFileType(_ subject: String) throws -> Handle {
    switch self {
    case .number(let number, false): return try number.makeType()
    case .variableString: return try Self.makeString(size: chdf5_variable_length(), subject)
    case .fixedString(let byteCount): return try Self.makeString(size: byteCount, subject)
    default:
      throw HDF5Error(.io, "create", subject, reason: "no new data of the type '\(self)' is made")
    }
  }

  /// A UTF-8 string type; its padding is the one that h5py gives to arrays of strings.
  static func makeString(size: Int, _ subject: String) throws -> Handle {
    let type = try Handle("make a string type for", subject) { H5Tcopy(chdf5_string()) }
    try HDF5Library.call("make a string type for", subject) { () -> Int32 in
      guard H5Tset_size(type.id, size) >= 0 else { return -1 }
      let isVariable = size == chdf5_variable_length()
      guard H5Tset_strpad(type.id, isVariable ? H5T_STR_NULLTERM : H5T_STR_NULLPAD) >= 0
      else { return -1 }
      return H5Tset_cset(type.id, H5T_CSET_UTF8)
    }
    return type
  }
}
