/// When two numbers count as equal.
public struct Tolerance: Hashable, Sendable {
  /// Equal when `|a - b| <= absolute + relative * max(|a|, |b|)`.
  public var absolute: Double
  public var relative: Double
  /// Relative differences are taken against at least this magnitude: two numbers next to zero
  /// are not far apart for having different signs.
  public var floor: Double
  /// Whether a NaN differs from a NaN.
  public var nanDiffers: Bool

  /// NumPy's absolute tolerance, far below what moves a trained weight.
  public static let defaultFloor = 1e-8

  /// - Precondition: the numbers are finite and not negative; `floor` is positive.
  public init(
    absolute: Double = 0, relative: Double = 0, floor: Double = Self.defaultFloor,
    nanDiffers: Bool = false
  ) {
    precondition(absolute >= 0 && relative >= 0 && floor > 0)
    self.absolute = absolute
    self.relative = relative
    self.floor = floor
    self.nanDiffers = nanDiffers
  }

  /// Nothing but the same number is equal; a NaN is equal to a NaN.
  public static let exact = Tolerance()
}
