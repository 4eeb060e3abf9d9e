public import HDF5
public import ModelCore

extension ElementType {
  /// The type of a dataset's elements, or nil when they are not numbers.
  public init?(of dataset: HDF5Dataset) throws {
    switch dataset.type {
    // Keras marks its bfloat16 by an attribute alone, and others do so with plain integers.
    case .opaque(2) where try dataset.string(attribute: "dtype") == "bfloat16": self = .bfloat16
    case .number(.uint16, _) where (try? dataset.string(attribute: "dtype")) == "bfloat16":
      self = .bfloat16
    case .number(let number, _): self.init(rawValue: number.rawValue)
    case .boolean: self = .bool
    default: return nil
    }
  }

  /// The type of a weight's elements, or nil when they are not numbers.
  ///
  /// In an `.h5` Keras leaves its bfloat16 unmarked, and writes nothing else as two opaque bytes.
  public init?(ofWeight dataset: HDF5Dataset) throws {
    if let type = try ElementType(of: dataset) {
      self = type
    } else if dataset.type == .opaque(byteCount: 2) {
      self = .bfloat16
    } else {
      return nil
    }
  }

  /// The type of new datasets; a truth value is stored as a byte.
  var storedType: HDF5Type {
    HDF5Number(rawValue: rawValue).map { .number($0) } ?? .number(.uint8)
  }
}
