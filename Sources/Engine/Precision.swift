/// What the factors of matrix products are rounded to.
public enum Precision: String, CaseIterable, Hashable, Codable, Sendable {
  /// Nothing is rounded.
  case float32
  /// Factors keep 8 significant bits where the processor is faster with them. Sums, and everything
  /// that is no matrix product, stay in 32 bits, and so do the weights that training moves.
  case bfloat16
}
