internal import Foundation
public import ModelCore

/// A network's answers to some samples, beside what they are labelled.
public struct Scores: Sendable {
  /// `[N, C]`, row-major: class scores before softmax.
  public var logits: [Float] = []
  /// `[N]`: the class of each sample; of a soft target, its likeliest.
  public var labels: [Int32] = []
  /// `C`.
  public let classCount: Int

  public init(classCount: Int) { self.classCount = classCount }

  /// `N`.
  public var count: Int { labels.count }

  /// The class that sample `index` scores highest; the first of equals.
  public func prediction(_ index: Int) -> Int32 {
    let row = logits[index * classCount..<(index + 1) * classCount]
    var best = row.startIndex
    for candidate in row.indices where row[candidate] > row[best] { best = candidate }
    return Int32(best - row.startIndex)
  }

  /// Turns scores `[N, C]` into probabilities, in place.
  public static func softmax(_ scores: inout [Float], classCount: Int) {
    for start in stride(from: 0, to: scores.count, by: classCount) {
      let row = start..<start + classCount
      let peak = scores[row].max() ?? 0
      var sum = 0.0
      for index in row { sum += exp(Double(scores[index] - peak)) }
      for index in row { scores[index] = Float(exp(Double(scores[index] - peak)) / sum) }
    }
  }

  /// The share of samples whose label scores highest; 0 when there are none.
  public var accuracy: Double {
    guard count > 0 else { return 0 }
    let hits = (0..<count).reduce(0) { $0 + (prediction($1) == labels[$1] ? 1 : 0) }
    return Double(hits) / Double(count)
  }
}

extension Network {
  /// Runs the network over samples in their order, in inference mode.
  ///
  /// - Parameters:
  ///   - rows: ascending row numbers, or nil for all.
  ///   - body: is given a batch, its logits `[B, C]`, and which of the rows they are.
  public func forEachBatch(
    of source: any SampleSource, rows: [Int]? = nil, batchSize: Int = 256,
    _ body: (Batch, UnsafeBufferPointer<Float>, Range<Int>) throws -> Void
  ) throws {
    try requireFit(source)
    try profiled(.evaluation) { try visitBatches(of: source, rows, batchSize, body) }
  }

  private func visitBatches(
    of source: any SampleSource, _ rows: [Int]?, _ batchSize: Int,
    _ body: (Batch, UnsafeBufferPointer<Float>, Range<Int>) throws -> Void
  ) throws {
    let blocks = try SampleBlocks(source, rows: rows)
    let stager = SampleStager(source.layout)
    let size = source.layout.bytesPerSample
    let capacity = max(1, min(batchSize, blocks.rows.count))
    let batch = Batch(
      capacity: capacity, sampleElementCount: sampleShape.elementCount, classCount: classCount)
    let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: capacity * classCount)
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: blocks.longestSpan * size, alignment: 64)
    defer {
      logits.deallocate()
      scratch.deallocate()
    }
    var done = 0
    func flush() throws {
      guard batch.count > 0 else { return }
      try self.logits(UnsafeBufferPointer(batch.inputs), count: batch.count, into: logits)
      let scores = UnsafeBufferPointer(rebasing: logits[..<(batch.count * classCount)])
      try body(batch, scores, done..<done + batch.count)
      done += batch.count
      batch.removeAll()
    }
    for block in blocks.blocks {
      let targets = try blocks.read(block, into: scratch)
      let first = Int(blocks.rows[block.lowerBound])
      for position in block {
        let row = Int(blocks.rows[position])
        let bytes = UnsafeRawBufferPointer(
          rebasing: scratch[(row - first) * size..<(row - first + 1) * size])
        try stager.append(
          bytes, target: row - first, of: targets, row: row, to: batch, weight: 1)
        if batch.count == batch.capacity { try flush() }
      }
    }
    try flush()
  }

  /// - Throws: `SampleError.shape` unless the samples are of the shape that the network takes.
  func requireFit(_ source: any SampleSource) throws {
    let found = source.layout.sampleShape
    guard found == sampleShape else {
      throw SampleError.shape(expected: sampleShape, found: found)
    }
  }

  /// The answers to samples in their order, in inference mode.
  public func logits(
    of source: any SampleSource, rows: [Int]? = nil, batchSize: Int = 256
  ) throws -> Scores {
    var scores = Scores(classCount: classCount)
    try forEachBatch(of: source, rows: rows, batchSize: batchSize) { batch, logits, _ in
      scores.logits.append(contentsOf: logits)
      for index in 0..<batch.count { scores.labels.append(batch.likeliestClass(index)) }
    }
    return scores
  }

  /// The accuracy on a split and its mean cross-entropy, in memory that does not grow with it.
  public func evaluate(
    _ source: any SampleSource, rows: [Int]? = nil, batchSize: Int = 256
  ) throws -> Evaluation {
    var result = Evaluation(head: head)
    try forEachBatch(of: source, rows: rows, batchSize: batchSize) { batch, logits, _ in
      result.add(batch, logits: logits)
    }
    return result
  }
}

/// How well a network answers a split.
public struct Evaluation: Hashable, Sendable {
  public private(set) var count = 0
  public private(set) var correct = 0
  private var totalLoss = 0.0
  private let head: Head

  /// The share of samples whose label scores highest; of several labels, the share that are told
  /// right by whether their score is positive. 0 when there are none.
  public var accuracy: Double { decisions > 0 ? Double(correct) / Double(decisions) : 0 }
  /// The mean cross-entropy in nats, of several labels their mean.
  public var loss: Double { count > 0 ? totalLoss / Double(count) : 0 }
  private var decisions = 0

  public init(head: Head = .softmax) { self.head = head }

  /// Counts a batch, given the network's scores `[B, C]` for it.
  public mutating func add(_ batch: Batch, logits: UnsafeBufferPointer<Float>) {
    let classes = batch.classCount
    for index in 0..<batch.count {
      let range = index * classes..<(index + 1) * classes
      let (scores, target) = (logits[range], batch.targets[range])
      if head == .multiLabel {
        add(labels: scores, target: target)
      } else {
        add(logits: scores, target: target, label: Int(batch.likeliestClass(index)))
      }
    }
  }

  private mutating func add(
    labels: Slice<UnsafeBufferPointer<Float>>,
    target: Slice<UnsafeMutableBufferPointer<Float>>
  ) {
    var loss = 0.0
    for (score, share) in zip(labels, target) {
      let (score, share) = (Double(score), Double(share))
      loss += max(score, 0) + log1p(exp(-abs(score))) - share * score
      if (score > 0) == (share > 0.5) { correct += 1 }
    }
    totalLoss += loss / Double(max(1, labels.count))
    decisions += labels.count
    count += 1
  }

  private mutating func add(
    logits: Slice<UnsafeBufferPointer<Float>>, target: Slice<UnsafeMutableBufferPointer<Float>>,
    label: Int
  ) {
    var best = logits.startIndex
    for candidate in logits.indices where logits[candidate] > logits[best] { best = candidate }
    if best - logits.startIndex == label { correct += 1 }
    let peak = Double(logits[best])
    let logSum = peak + log(logits.reduce(0) { $0 + exp(Double($1) - peak) })
    for (score, share) in zip(logits, target) where share != 0 {
      totalLoss += Double(share) * (logSum - Double(score))
    }
    decisions += 1
    count += 1
  }
}

extension Batch {
  /// The class with the largest share of a sample's target.
  func likeliestClass(_ index: Int) -> Int32 {
    let target = targets[index * classCount..<(index + 1) * classCount]
    var best = target.startIndex
    for candidate in target.indices where target[candidate] > target[best] { best = candidate }
    return Int32(best - target.startIndex)
  }
}
