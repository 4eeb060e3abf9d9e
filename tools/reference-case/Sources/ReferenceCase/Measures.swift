import Engine
import Evidence
import ModelCore
import Unlearning

extension Case {
  /// What a model's answers come to in a scenario, in percent; AUC as a share, margins as they are.
  ///
  /// - Parameter retrained: what models answer that were trained without what is forgotten.
  func measures(
    _ parameters: Parameters, _ setting: Setting, like retrained: RetrainedMargins
  ) throws -> [String: Double] {
    let network = try network(parameters)
    let all = try responses(network, setting.train)
    let tested = try responses(network, test)
    let gone = Set(setting.forget)
    let retain = all[(0..<all.count).filter { !gone.contains($0) }]
    let forget = all[setting.forget]
    switch setting.scenario {
    case .samples, .each:
      guard let profile = ModelProfile(forget: forget, retain: retain, test: tested) else {
        throw CaseError("nothing to compare")
      }
      return [
        "FA": 100 * profile.forgetAccuracy, "RA": 100 * profile.retainAccuracy,
        "TA": 100 * profile.testAccuracy, "MIAe": 100 * profile.membershipEfficacy,
        "AUC": profile.auc,
      ].merging(retrained.measures(forget, rows: setting.forget, test: tested)) { $1 }
    case .wholeClass:
      let label = Int32(3 * setting.seed % 10)
      let theirs = tested.labels.indices.filter { tested.labels[$0] == label }
      let others = tested.labels.indices.filter { tested.labels[$0] != label }
      return [
        "FA": 100 * forget.accuracy, "FA unseen": 100 * tested[theirs].accuracy,
        "RA": 100 * retain.accuracy, "TA": 100 * tested[others].accuracy,
      ]
    case .backdoor: return try attacked(network, setting, tested)
    case .wrongLabels:
      let right = setting.forget.filter {
        all.predictions[$0] == train.labels[$0]
      }.count
      return [
        "wrong label": 100 * forget.accuracy,
        "right class": 100 * Double(right) / Double(max(1, setting.forget.count)),
        "RA": 100 * retain.accuracy, "TA": 100 * tested.accuracy,
      ]
    }
  }

  private func attacked(
    _ network: Network, _ setting: Setting, _ clean: Responses
  ) throws -> [String: Double] {
    guard let trigger = setting.trigger else { return [:] }
    let scores = try network.logits(of: try StampedSource(test, trigger))
    let answers = try Responses(
      logits: scores.logits, labels: scores.labels, classCount: scores.classCount)
    let others = answers[answers.labels.indices.filter { answers.labels[$0] != Setting.attack }]
    let hits = others.predictions.count { $0 == Setting.attack }
    return [
      "ASR": 100 * Double(hits) / Double(max(1, others.count)), "TA": 100 * clean.accuracy,
      "right class": 100 * others.accuracy,
    ]
  }
}
