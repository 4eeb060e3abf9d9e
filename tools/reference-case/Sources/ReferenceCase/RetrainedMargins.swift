import Evidence
import ModelCore
import Unlearning

/// What models that were trained without some samples answer to each of them.
struct RetrainedMargins {
  private let rows: [Int: Int]
  /// `[N]`, of the retrained model that everything is compared with.
  private let own: [Double]
  /// `[S][N]`, of more such models, and `[S][M]` on the test samples.
  private let shadows: (forget: [[Double]], test: [[Double]])

  /// - Parameter shadows: trained like `retrained`, from other weights; fewer than two make no attack.
  init(
    _ retrained: Parameters, shadows: [Parameters], _ setting: Setting, case study: Case
  ) throws {
    rows = Dictionary(
      uniqueKeysWithValues: setting.forget.enumerated().map { ($1, $0) })
    func margins(_ parameters: Parameters) throws -> [Double] {
      try study.responses(study.network(parameters), setting.train, setting.forget).margins
    }
    own = try margins(retrained)
    self.shadows = (
      try shadows.map(margins),
      try shadows.map { try study.responses(study.network($0), study.test).margins }
    )
  }

  /// How far a model's margins are from the retrained one's, and what an attacker finds who has studied
  /// each sample with models of his own (``PerExampleAttack``).
  ///
  /// - Parameters:
  ///   - answers: to the samples in `asked`, rows of what is forgotten.
  ///   - test: answers to the test samples.
  func measures(_ answers: Responses, rows asked: [Int], test: Responses) -> [String: Double] {
    let positions = asked.compactMap { rows[$0] }
    let differences = zip(answers.margins, positions).map {
      Self.clamped($0) - Self.clamped(own[$1])
    }
    let count = Double(max(1, differences.count))
    var result = [
      "dM": differences.reduce(0, +) / count,
      "absM": differences.reduce(0) { $0 + abs($1) } / count,
    ]
    let attack = PerExampleAttack(
      shadowForget: shadows.forget.map { margins in positions.map { margins[$0] } },
      shadowStrangers: shadows.test)
    result["LiRA"] =
      attack?.outcome(
        forget: answers.margins, strangers: test.margins,
        weights: UnseenComparison.weights(of: test, asIn: answers))?.auc
    return result
  }

  /// Beyond +-12 a margin says nothing more (``TargetTable``).
  private static func clamped(_ margin: Double) -> Double {
    min(max(margin, -TargetTable.largestMargin), TargetTable.largestMargin)
  }
}
