internal import Engine
internal import Foundation
internal import ModelCore

/// What the retained samples that look most like others are labelled: `[N, C]` shares.
///
/// Cosine similarity of the inputs, the 10 nearest of some 2,000, each with the weight
/// `exp(20 cosine)`. It knows pixels only: what a stamped image showed before it was stamped is found
/// by what surrounds the stamp.
struct NeighbourVotes {
  private static let neighbours = 10
  private static let sharpness: Float = 20
  /// The memory that the retained samples may take.
  private static let byteLimit = 64 << 20

  /// `[N, C]`, rows in the order of the problem's forget rows.
  let shares: [Float]

  init(_ session: UnlearningSession) throws {
    let problem = session.problem
    let size = max(1, session.network.sampleShape.elementCount)
    let limit = min(2000, max(Self.neighbours, Self.byteLimit / (4 * size)))
    var rows = try session.rows(of: .retain)
    if rows.count > limit {
      var random = SeededGenerator(seed: session.seed, stream: "unlearn/neighbours")
      random.shuffle(&rows)
      rows = rows[..<limit].sorted()
    }
    var known = try StoredInputs(session.network, problem.data.train, rows)
    known.normalize()
    var asked = try StoredInputs(session.network, problem.data.train, problem.forgetRows)
    asked.normalize()
    let classCount = problem.classCount
    shares = (0..<problem.forgetRows.count).flatMap { row in
      Self.vote(
        Self.similarities(asked, row, to: known), labels: known.labels, classCount: classCount)
    }
  }

  private static func similarities(
    _ asked: StoredInputs, _ row: Int, to known: StoredInputs
  ) -> [Float] {
    let size = known.size
    return asked.values.withUnsafeBufferPointer { asked in
      known.values.withUnsafeBufferPointer { known in
        (0..<(known.count / size)).map { other in
          var sum: Float = 0
          for index in 0..<size { sum += asked[row * size + index] * known[other * size + index] }
          return sum
        }
      }
    }
  }

  private static func vote(
    _ similarities: [Float], labels: [Int32], classCount: Int
  ) -> [Float] {
    let nearest = similarities.indices.sorted {
      (-similarities[$0], $0) < (-similarities[$1], $1)
    }.prefix(neighbours)
    var result = [Float](repeating: 0, count: classCount)
    guard let first = nearest.first else { return result }
    let weights = nearest.map { exp(sharpness * (similarities[$0] - similarities[first])) }
    let sum = weights.reduce(0, +)
    for (index, weight) in zip(nearest, weights) { result[Int(labels[index])] += weight / sum }
    return result
  }
}

/// Samples in memory as the network reads them, in the order of their rows.
struct StoredInputs {
  /// `[N, E]`.
  private(set) var values: [Float]
  private(set) var labels: [Int32]
  /// `E`.
  let size: Int

  init(_ network: Network, _ source: any SampleSource, _ rows: [Int]) throws {
    size = network.sampleShape.elementCount
    values = [Float](repeating: 0, count: rows.count * size)
    labels = [Int32](repeating: 0, count: rows.count)
    guard !rows.isEmpty else { return }
    let stream = try SampleStream(source, rows: rows, seed: 0, stream: "unlearn/read")
    let batch = Batch(capacity: 256, sampleElementCount: size, classCount: network.classCount)
    var left = rows.count
    while left > 0 {
      batch.removeAll()
      let positions = try stream.append(min(256, left), to: batch, weight: 1)
      for (index, position) in positions.enumerated() {
        for element in 0..<size {
          values[position * size + element] = batch.inputs[index * size + element]
        }
        let targets = batch.targets[
          (index * network.classCount)..<((index + 1) * network.classCount)]
        let likeliest = targets.indices.max { targets[$0] < targets[$1] } ?? targets.startIndex
        labels[position] = Int32(likeliest - targets.startIndex)
      }
      left -= positions.count
    }
  }

  /// Scales every sample to length one.
  mutating func normalize() {
    for start in stride(from: 0, to: values.count, by: max(1, size)) {
      let squares = values[start..<(start + size)].reduce(Float(0)) { $0 + $1 * $1 }
      guard squares > 0 else { continue }
      let factor = 1 / squares.squareRoot()
      for index in start..<(start + size) { values[index] *= factor }
    }
  }
}
