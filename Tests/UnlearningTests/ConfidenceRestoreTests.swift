import ModelCore
import Testing

@testable import Unlearning

@Suite struct ConfidenceRestoreTests {
  @Test(arguments: [0.5, 1, 3]) func theFactorBringsTheMeanBack(wanted: Double) {
    // Two classes: a margin is the difference of the scores, and scales with them.
    let logits: [Float] = [1, 0, 0, 2, 3, 0]
    let factor = ConfidenceRestore.factor(
      logits: logits, labels: [0, 0, 0], classCount: 2, wanted: wanted * 2)
    #expect(abs(factor - wanted) < 1e-6)
  }

  @Test func theFactorStaysWithinItsBounds() {
    let logits: [Float] = [1, 0]
    func factor(_ wanted: Double) -> Double {
      ConfidenceRestore.factor(logits: logits, labels: [0], classCount: 2, wanted: wanted)
    }
    #expect(abs(factor(1e6) - 5) < 1e-6)
    #expect(abs(factor(0) - 0.2) < 1e-6)
  }

  private func scoringLayer(_ tail: [Layer], output: String) throws -> String? {
    let head = Layer(name: "input", kind: .input(shape: try Shape([4])), inputs: [])
    return ConfidenceRestore.scoringLayer(
      of: Architecture(name: "net", layers: [head] + tail, output: output))
  }

  private func dense(_ activation: Activation, _ input: String = "input") -> Layer {
    Layer(name: "scores", kind: .dense(Dense(units: 3, activation: activation)), inputs: [input])
  }

  @Test func scoresMayComeFromADenseLayerInThreeForms() throws {
    #expect(try scoringLayer([dense(.softmax)], output: "scores") == "scores")
    #expect(try scoringLayer([dense(.linear)], output: "scores") == "scores")
    let softmax = Layer(name: "softmax", kind: .activation(.softmax), inputs: ["scores"])
    #expect(try scoringLayer([dense(.linear), softmax], output: "softmax") == "scores")
  }

  @Test func otherScoresAreLeftAlone() throws {
    let softmax = Layer(name: "softmax", kind: .activation(.softmax), inputs: ["scores"])
    #expect(try scoringLayer([dense(.sigmoid)], output: "scores") == nil)
    #expect(try scoringLayer([dense(.relu), softmax], output: "softmax") == nil)
    #expect(try scoringLayer([dense(.softmax), softmax], output: "softmax") == nil)
    let flatten = Layer(name: "scores", kind: .flatten, inputs: ["input"])
    #expect(try scoringLayer([flatten, softmax], output: "softmax") == nil)
    let reader = Layer(name: "sum", kind: .add, inputs: ["scores", "scores"])
    #expect(try scoringLayer([dense(.linear), reader, softmax], output: "softmax") == nil)
  }
}
