/// The methods, by the names that people call them.
public enum UnlearningMethods {
  /// All of them with their default settings, the default method first.
  public static let all: [any UnlearningMethod] = [
    Match(), Retrain(), FineTune(), GradientDifference(), Scrub(), Relabel(.randomLabel),
    Relabel(.withoutLabel), Relabel(.untrained), SynapticDampening(), BoundaryShrink(), Unsir(),
    Decay(), Newton(), Certified(),
  ]

  /// - Throws: `UnlearningError.unknownMethod`.
  public static func named(_ name: String) throws(UnlearningError) -> any UnlearningMethod {
    guard let method = all.first(where: { $0.name == name }) else {
      throw .unknownMethod(name, known: all.map(\.name))
    }
    return method
  }
}
