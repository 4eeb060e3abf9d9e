internal import Engine
internal import ModelCore

/// Mean gradients of the cross-entropy over batch after batch of a split.
///
/// The batch stays until `advance()`, so that the same loss can be asked about at other weights.
final class GradientStream {
  private let session: UnlearningSession
  private let stream: SampleStream
  private let batch: Batch
  private let count: Int
  private let specifications: [ParameterSpecification]

  /// - Parameter count: samples of a batch; no more than there are.
  init(_ session: UnlearningSession, _ split: Descent.Split, count: Int, name: String) throws {
    self.session = session
    stream = try SampleStream(
      session.source(of: split), rows: try session.rows(of: split), seed: session.seed,
      stream: "unlearn/\(name)/\(session.attempt)")
    self.count = max(1, min(count, stream.count))
    batch = Batch(
      capacity: self.count, sampleElementCount: session.network.sampleShape.elementCount,
      classCount: session.network.classCount)
    specifications = try session.network.architecture.parameterSpecifications()
  }

  /// How many samples there are.
  var sampleCount: Int { stream.count }

  /// Goes on to the next batch.
  ///
  /// - Returns: how many samples it has: the last batch of an epoch may be short.
  @discardableResult
  func advance() throws -> Int {
    batch.removeAll()
    let size = min(count, stream.remainingInEpoch)
    try session.network.profiled(.input) {
      _ = try stream.append(size, to: batch, weight: 1 / Float(size))
    }
    return size
  }

  /// The gradient of the batch at the network's present weights.
  func gradient(mode: Network.Mode = .frozen) throws -> WeightVector {
    try session.network.backpropagate(batch, mode: mode)
    session.meter.addTrained(batch.count)
    return WeightVector(try session.network.gradients, of: specifications)
  }

  /// The mean gradient over the next `samples` samples.
  func meanGradient(over samples: Int) throws -> WeightVector? {
    var (done, sum) = (0, nil as WeightVector?)
    while done < samples {
      let size = try advance()
      var part = try gradient()
      part.scale(Float(size))
      if sum == nil { sum = part } else { sum?.add(part, times: 1) }
      done += size
    }
    sum?.scale(1 / Float(max(1, done)))
    return sum
  }
}
