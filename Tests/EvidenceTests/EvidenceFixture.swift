import Evidence
import Foundation
import TestSupport

/// Inputs and numbers that SciPy and scikit-learn made of them; see `tools/reference/make_evidence.py`.
struct EvidenceFixture: Decodable {
  struct Side: Decodable {
    let logits: [Float]
    let labels: [Int32]
  }
  struct Features: Decodable {
    let losses, confidences, entropies, modifiedEntropies, margins: [Double]
  }
  struct Machine: Decodable {
    let shareCalledMember: Double
    let decisions: [Double]
  }
  struct Logistic: Decodable {
    let slope, offset: Double
    let shareCalledMember: Double?
  }
  struct Separated: Decodable { let auc, ks, wasserstein, u: Double }
  struct Curve: Decodable {
    let members, strangers: [Double]
    let auc: Double
    let falsePositiveRates, truePositiveRates: [Double]
    let tprAt10: Double
  }
  struct Distance: Decodable { let jensenShannon, zrf, activation, completeness: Double }
  struct Margins: Decodable {
    /// `[models][samples]`.
    let unlearned, retrained: [[Double]]
    let each, copied: [Double]
  }
  struct Copied: Decodable {
    let jensenShannon, activationRMS: Double
    let modifiedEntropies: [Double]
  }

  let classCount: Int
  let forget, retain, strangers, other: Side
  let features: Features
  let svm: Machine
  let logistic, plainLogistic: Logistic
  let separation: Separated
  let curve: Curve
  let distance: Distance
  let klom: Margins
  let copied: Copied

  static func read() throws -> EvidenceFixture {
    try JSONDecoder().decode(EvidenceFixture.self, from: Fixtures.data("evidence/evidence.json"))
  }

  func answers(_ side: Side) throws -> Answers {
    try Answers(logits: side.logits, labels: side.labels, classCount: classCount)
  }
}

/// The largest difference between two lists; infinite when they are not as long.
func difference(_ first: [Double], _ second: [Double]) -> Double {
  guard first.count == second.count else { return .infinity }
  return zip(first, second).map { abs($0 - $1) }.max() ?? 0
}
