public import HDF5
public import ModelCore

extension ElementType {
  /// The type of a dataset's elements, or nil when they are not numbers.
  public init?(of dataset: HDF5Dataset) throws {
    switch dataset.type {
    case .number(let number, _): self.init(rawValue: number.rawValue)
    case .boolean: self = .bool
    // Keras marks its bfloat16 by an attribute alone.
    case .opaque(2) where try dataset.string(attribute: "dtype") == "bfloat16": self = .bfloat16
    default: return nil
    }
  }

  /// The type of new datasets; a truth value is stored as a byte.
  var storedType: HDF5Type {
    HDF5Number(rawValue: rawValue).map { .number($0) } ?? .number(.uint8)
  }
}
