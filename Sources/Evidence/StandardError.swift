/// How far a measured number would move if other samples had been drawn.
public enum StandardError {
  /// Of the area under the ROC curve when both samples come from one distribution:
  /// `sqrt((n + m + 1) / (12 n m))`, the null variance of Mann and Whitney's U divided by `n m`
  /// (*Annals of Mathematical Statistics* 18(1), 1947).
  ///
  /// - Parameters:
  ///   - n: how many samples on one side, above zero.
  ///   - m: how many on the other.
  public static func auc(_ n: Double, _ m: Double) -> Double {
    ((n + m + 1) / (12 * n * m)).squareRoot()
  }

  /// Of the difference between two accuracies that are both `accuracy` in truth:
  /// `sqrt(q (1 - q) (1/n + 1/m))`.
  public static func accuracyDifference(_ accuracy: Double, _ n: Double, _ m: Double) -> Double {
    (accuracy * (1 - accuracy) * (1 / n + 1 / m)).squareRoot()
  }
}
