import OneDNN
import Testing

/// Matrix products against sums in double precision; shared by the team and not.
@Suite struct MatrixProductTests {
  struct Problem: CustomTestStringConvertible {
    let rows: Int
    let columns: Int
    let depth: Int
    var testDescription: String { "\(rows) x \(columns) x \(depth)" }
  }

  // The last three are large enough to be shared, by rows and by columns, also unevenly.
  private static let problems = [
    Problem(rows: 1, columns: 1, depth: 1), Problem(rows: 3, columns: 17, depth: 5),
    Problem(rows: 64, columns: 10, depth: 33), Problem(rows: 130, columns: 250, depth: 70),
    Problem(rows: 259, columns: 128, depth: 65), Problem(rows: 17, columns: 1030, depth: 121),
  ]

  /// The team works for one thread at a time, and may have fallen asleep in between; neither shows in
  /// the result.
  @Test func manyThreadsMayAskTheTeam() async throws {
    let problem = Problem(rows: 130, columns: 250, depth: 70)
    let expected = try product(problem, threads: 3)
    for pause in [0, 20] {
      try await Task.sleep(for: .milliseconds(pause))
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            try (0..<5).allSatisfy { _ in try self.product(problem, threads: 3) == expected }
          }
        }
        for try await isSame in group { #expect(isSame) }
      }
    }
  }

  private func product(_ problem: Problem, threads: Int) throws -> [Float] {
    let team = Processor.threads
    Processor.setThreads(threads)
    defer { Processor.setThreads(team) }
    var result = [Float](repeating: .nan, count: problem.rows * problem.columns)
    let product = MatrixProduct(
      rows: problem.rows, columns: problem.columns, depth: problem.depth)
    try values(problem.rows * problem.depth, seed: 1).withUnsafeBufferPointer { left in
      try values(problem.depth * problem.columns, seed: 2).withUnsafeBufferPointer { right in
        try result.withUnsafeMutableBufferPointer { result in
          try product.run(
            try #require(left.baseAddress), try #require(right.baseAddress),
            into: try #require(result.baseAddress))
        }
      }
    }
    return result
  }

  @Test(arguments: problems, [1, 2, 3])
  func isTheSumOfProducts(_ problem: Problem, threads: Int) throws {
    let team = Processor.threads
    Processor.setThreads(threads)
    defer { Processor.setThreads(team) }
    for (transposesLeft, transposesRight) in [
      (false, false), (true, false), (false, true), (true, true),
    ] {
      let left = values(problem.rows * problem.depth, seed: 1)
      let right = values(problem.depth * problem.columns, seed: 2)
      var result = [Float](repeating: .nan, count: problem.rows * problem.columns)
      let product = MatrixProduct(
        rows: problem.rows, columns: problem.columns, depth: problem.depth,
        transposesLeft: transposesLeft, transposesRight: transposesRight)
      try left.withUnsafeBufferPointer { left in
        try right.withUnsafeBufferPointer { right in
          try result.withUnsafeMutableBufferPointer { result in
            try product.run(
              try #require(left.baseAddress), try #require(right.baseAddress),
              into: try #require(result.baseAddress))
          }
        }
      }
      let expected = sums(
        problem, left, right, transposesLeft: transposesLeft, transposesRight: transposesRight)
      let worst = zip(result, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
      // Every addition may lose half a unit in the last place of a sum that grows like a root.
      let depth = Double(problem.depth)
      #expect(worst < 6e-8 * depth * depth.squareRoot())
    }
  }

  private func values(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
    }
  }

  private func sums(
    _ problem: Problem, _ left: [Float], _ right: [Float], transposesLeft: Bool,
    transposesRight: Bool
  ) -> [Double] {
    (0..<problem.rows * problem.columns).map { index in
      let (row, column) = (index / problem.columns, index % problem.columns)
      return (0..<problem.depth).reduce(0) { sum, step in
        let a = left[
          transposesLeft ? step * problem.rows + row : row * problem.depth + step]
        let b = right[
          transposesRight ? column * problem.depth + step : step * problem.columns + column]
        return sum + Double(a) * Double(b)
      }
    }
  }
}
