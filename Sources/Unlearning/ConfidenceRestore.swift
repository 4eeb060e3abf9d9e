internal import Engine
internal import Evidence
internal import Foundation
internal import ModelCore

/// Gives a model back the confidence that unlearning cost it.
///
/// One factor on the class scores makes the mean |margin| on unseen samples what it was. It changes
/// no decision and no order of margins; without it a model betrays by its general doubt that it has
/// unlearned something. The factor goes into the last dense layer, so the file needs no new layer.
enum ConfidenceRestore {
  /// Scales the network's last layer, if the scores come from it, and notes the factor.
  static func apply(to session: UnlearningSession) throws {
    guard let before = session.baseline.reference else { return }
    guard let layer = scoringLayer(of: session.network.architecture) else {
      session.note("confidenceScale", .text("not applied: the scores come from no dense layer"))
      return
    }
    let after = try Baseline.answers(
      session.network, session.problem.data.unseen, session.problem.referenceRows, &session.meter)
    let scale = factor(
      logits: after.logits, labels: after.responses.labels,
      classCount: after.responses.classCount,
      wanted: meanMagnitude(before.responses.margins))
    var parameters = try session.network.parameters
    parameters.update { name, values in
      guard name.layer == layer else { return }
      for index in values.indices { values[index] *= Float(scale) }
    }
    try session.network.setParameters(parameters)
    session.note("confidenceScale", .number(scale))
  }

  /// The factor for which the mean |margin| is `wanted`, within 0.2...5: by bisection in its
  /// logarithm, since the mean grows with it.
  static func factor(
    logits: [Float], labels: [Int32], classCount: Int, wanted: Double
  ) -> Double {
    var (low, high) = (log(0.2), log(5.0))
    for _ in 0..<40 {
      let middle = (low + high) / 2
      let scaled = logits.map { $0 * Float(exp(middle)) }
      let margins = labels.indices.map { row in
        Responses.margin(
          of: scaled[(row * classCount)..<((row + 1) * classCount)], label: Int(labels[row]))
      }
      if meanMagnitude(margins) < wanted { low = middle } else { high = middle }
    }
    return exp((low + high) / 2)
  }

  /// The dense layer whose sums are the class scores, when nothing else reads them.
  static func scoringLayer(of architecture: Architecture) -> String? {
    func layer(_ name: String?) -> Layer? { architecture.layers.first { $0.name == name } }
    guard var last = layer(architecture.output) else { return nil }
    var readers = 0
    if case .activation(.softmax) = last.kind {
      guard last.inputs.count == 1, let before = layer(last.inputs.first) else { return nil }
      (last, readers) = (before, 1)
    }
    guard case .dense(let dense) = last.kind,
      dense.activation == .linear || (dense.activation == .softmax && readers == 0),
      architecture.layers.count(where: { $0.inputs.contains(last.name) }) == readers
    else { return nil }
    return last.name
  }

  private static func meanMagnitude(_ margins: [Double]) -> Double {
    margins.reduce(0) { $0 + abs($1) } / Double(max(1, margins.count))
  }
}
