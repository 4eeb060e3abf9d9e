import Engine
import ModelCore
import TestSupport
import Testing

@testable import Unlearning

@Suite struct UnlearningProblemTests {
  /// 12 samples of classes 0, 1, 2 in turn, class 3 unknown to them; 60 unseen ones.
  private func problem(
    _ subject: UnlearningRequest.Subject, unseen: Int = 60, allowance: Int = 1000,
    seed: UInt64 = 0
  ) throws -> UnlearningProblem {
    let architecture = Architecture(
      name: "tiny",
      layers: [
        Layer(name: "input", kind: .input(shape: try Shape([2])), inputs: []),
        Layer(name: "scores", kind: .dense(Dense(units: 4)), inputs: ["input"]),
      ], output: "scores")
    let network = try Network(
      architecture,
      parameters: Parameters(initializing: architecture.parameterSpecifications(), seed: 1),
      threads: 1)
    func source(_ count: Int, classes: Int) throws -> MemorySource {
      try MemorySource(
        inputs: [Float](repeating: 0, count: count * 2), sampleShape: [2],
        labels: (0..<count).map { Int32($0 % classes) }, classCount: 4)
    }
    return try UnlearningProblem(
      UnlearningRequest(subject, seed: seed),
      data: UnlearningData(
        train: source(12, classes: 3), unseen: source(unseen, classes: 3)),
      network: network, allowance: allowance)
  }

  @Test func samplesAreForgottenAndTheRestRetained() throws {
    let problem = try problem(.samples([7, 2, 5]))
    #expect(problem.scenario == .samples)
    #expect(problem.forgetRows == [2, 5, 7])
    #expect(problem.retainRows == [0, 1, 3, 4, 6, 8, 9, 10, 11])
    #expect(problem.checkedRows == [2, 5, 7])
  }

  @Test func aClassIsAllOfItsSamples() throws {
    let problem = try problem(.classes([1, 1]))
    #expect(problem.scenario == .classes([1]))
    #expect(problem.forgetRows == [1, 4, 7, 10])
    #expect(problem.forgottenClasses == [1])
  }

  @Test func allSamplesOfAClassAreTheClass() throws {
    let problem = try problem(.samples([0, 3, 6, 9]))
    #expect(problem.scenario == .classes([0]))
    #expect(problem.remarks.contains { $0.contains("class 0") })
  }

  @Test func aClassAndMoreIsStillSamples() throws {
    let problem = try problem(.samples([0, 1, 3, 6, 9]))
    #expect(problem.scenario == .samples)
    #expect(problem.remarks.contains { $0.contains("Class 0 keeps no training sample") })
  }

  /// The classes come in turn, so even rows alone would be a biased half.
  @Test func unseenSamplesAreHalvedClassByClass() throws {
    let problem = try problem(.samples([0]))
    #expect(Set(problem.referenceRows).isDisjoint(with: problem.validationRows))
    #expect((problem.referenceRows + problem.validationRows).sorted() == Array(0..<60))
    for label in 0..<3 {
      #expect(problem.referenceRows.count { $0 % 3 == label } == 10)
      #expect(problem.validationRows.count { $0 % 3 == label } == 10)
    }
    #expect(UnlearningProblem.halves([5, 5, 1, 5]).reference == [0, 2, 3])
    #expect(UnlearningProblem.halves([5, 5, 1, 5]).validation == [1])
  }

  @Test func largeSplitsAreSampledTheSameWayEveryTime() throws {
    let first = try problem(.samples([0]), unseen: 900, allowance: 1)
    #expect(first.referenceRows.count == 200)
    #expect(first.validationRows.count == 450)  // 500 would be taken
    #expect(first.referenceRows == first.referenceRows.sorted())
    let again = try problem(.samples([0]), unseen: 900, allowance: 1)
    #expect(again.referenceRows == first.referenceRows)
    let other = try problem(.samples([0]), unseen: 900, allowance: 1, seed: 1)
    #expect(other.referenceRows != first.referenceRows)
  }

  @Test func forgettingMostIsDoneAndAdvisedAgainst() throws {
    let remarks = try problem(.samples([0, 1, 2, 3, 4, 5, 7])).remarks
    #expect(remarks.contains { $0.hasPrefix("More than half") })
  }

  @Test(
    arguments: [
      (.samples([]), UnlearningError.nothingToForget),
      (.samples([3, 12]), .row(12, count: 12)),
      (.samples([-1]), .row(-1, count: 12)),
      (.samples([4, 2, 4]), .duplicateRow(4)),
      (.samples(Array(0..<12)), .nothingRetained(count: 12)),
      (.classes([]), .nothingToForget),
      (.classes([4]), .classIndex(4, count: 4)),
      (.classes([-1]), .classIndex(-1, count: 4)),
      (.classes([3]), .emptyClass(3)),
      (.classes([0, 1, 2]), .nothingRetained(count: 12)),
    ] as [(UnlearningRequest.Subject, UnlearningError)])
  func refuses(subject: UnlearningRequest.Subject, expected: UnlearningError) {
    #expect(throws: expected) { try problem(subject) }
  }

  @Test func refusesTooFewUnseenSamples() {
    #expect(throws: UnlearningError.unseenTooSmall(found: 39, needed: 40)) {
      try problem(.samples([0]), unseen: 39)
    }
  }
}
