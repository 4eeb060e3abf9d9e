extension Int {
  /// The number as people read it, the same in every locale: `235146` as `235,146`.
  public var grouped: String {
    let digits = String(magnitude)
    var result = self < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(",") }
      result.append(digit)
    }
    return result
  }

  /// How many of something: `1 sample`, `10,000 samples`.
  ///
  /// - Parameter noun: one of them; many are written with an `s` behind it.
  public func grouped(_ noun: String) -> String { "\(grouped) \(noun)\(self == 1 ? "" : "s")" }
}
