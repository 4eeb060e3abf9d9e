internal import ModelCore

/// Measures where the time of a network's training steps goes: by layer, and by what else a run
/// does.
///
/// A network that is given one measures; without one no clock is read. What runs inside of
/// something else that is measured counts only once, for itself, so that the times add up. One
/// owner uses it at a time, like the network.
public final class Profiler {
  /// What a run does beside the steps of its layers.
  public enum Part: String, CaseIterable, Codable, Sendable {
    case loss, optimizer
    /// Reading, unpacking and varying samples.
    case input
    /// Everything that is computed in inference mode, with its samples.
    case evaluation
    /// Compiling networks for a batch size.
    case planning
  }

  /// Which way a layer's step goes.
  enum Direction { case forward, backward }

  /// What adds up while a run lasts.
  private final class Record {
    var time = Duration.zero
    /// Multiplications and additions.
    var operations = 0.0
  }

  /// What adds up for a layer.
  private struct LayerRecord {
    let className: String
    let absorbed: [String]
    let forward = Record()
    let backward = Record()
  }

  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private let parts: [Part: Record]
  private var layers: [(name: String, record: LayerRecord)] = []
  /// What has been measured inside of what is being measured.
  private var inner = Duration.zero
  private var steps = 0

  /// The run begins now.
  public init() {
    start = clock.now
    parts = Dictionary(uniqueKeysWithValues: Part.allCases.map { ($0, Record()) })
  }

  // MARK: Measuring

  /// Runs `body` and counts its time.
  public func time<Result>(_ part: Part, _ body: () throws -> Result) rethrows -> Result {
    guard let record = parts[part] else { return try body() }
    return try time(record, body)
  }

  private func time<Result>(_ record: Record, _ body: () throws -> Result) rethrows -> Result {
    let outer = inner
    inner = .zero
    let start = clock.now
    defer {
      let elapsed = clock.now - start
      record.time += elapsed - inner
      inner = outer + elapsed
    }
    return try body()
  }

  /// A step of a layer that counts its time, for plans to run instead of it.
  ///
  /// - Parameter operations: the multiplications and additions of one run.
  func timing(
    _ node: Node, _ direction: Direction, operations: Double, _ run: @escaping () throws -> Void
  ) -> () throws -> Void {
    let layer = record(of: node)
    let record = direction == .forward ? layer.forward : layer.backward
    return { [self] in
      record.operations += operations
      try time(record, run)
    }
  }

  private func record(of node: Node) -> LayerRecord {
    if let known = layers.first(where: { $0.name == node.layer }) { return known.record }
    let record = LayerRecord(className: node.className, absorbed: node.absorbed)
    layers.append((node.layer, record))
    return record
  }

  func countStep() { steps += 1 }

  // MARK: Result

  /// What has been measured so far.
  public var profile: Profile {
    let total = (clock.now - start) / .seconds(1)
    func share(_ seconds: Double) -> Double { total > 0 ? seconds / total : 0 }
    func milliseconds(_ seconds: Double) -> Double { seconds * 1000 / Double(max(1, steps)) }
    var rest = total
    let layers = layers.map { name, record in
      let forward = record.forward.time / .seconds(1)
      let backward = record.backward.time / .seconds(1)
      let operations = record.forward.operations + record.backward.operations
      rest -= forward + backward
      return Profile.Layer(
        name: name, className: record.className, absorbed: record.absorbed,
        forwardShare: share(forward), backwardShare: share(backward),
        millisecondsPerStep: milliseconds(forward + backward),
        gigaflops: operations > 0 && forward + backward > 0
          ? operations / (forward + backward) / 1e9 : nil)
    }
    let parts = Part.allCases.map { part in
      let seconds = (self.parts[part]?.time ?? .zero) / .seconds(1)
      rest -= seconds
      return Profile.Part(
        name: part.rawValue, share: share(seconds), millisecondsPerStep: milliseconds(seconds))
    }
    rest = max(0, rest)
    let other = Profile.Part(
      name: "other", share: share(rest), millisecondsPerStep: milliseconds(rest))
    return Profile(seconds: total, steps: steps, layers: layers, parts: parts + [other])
  }
}

/// Where the time of a run went. All shares together are 1.
public struct Profile: Hashable, Codable, Sendable {
  /// A layer's share, in the order in which layers run.
  public struct Layer: Hashable, Codable, Sendable {
    /// As the file has it.
    public let name: String
    public let className: String
    /// Layers that are computed in the same pass over memory as this one.
    public let absorbed: [String]
    public let forwardShare: Double
    public let backwardShare: Double
    /// Both directions, in a mean step.
    public let millisecondsPerStep: Double
    /// What the layer's definition multiplies and adds, in 10^9 a second of its time; nil where it
    /// has no matrix product. A method that needs fewer operations than the definition, such as
    /// Winograd's, may show more than the processor can do.
    public let gigaflops: Double?
  }

  /// What is no layer's.
  public struct Part: Hashable, Codable, Sendable {
    /// A `Profiler.Part`, or `other`.
    public let name: String
    public let share: Double
    public let millisecondsPerStep: Double
  }

  /// From the profiler's beginning, by the clock.
  public let seconds: Double
  /// Forward and backward steps.
  public let steps: Int
  public let layers: [Layer]
  public let parts: [Part]
}

extension Network {
  /// Runs `body`, and counts its time if there is a profiler.
  public func profiled<Result>(
    _ part: Profiler.Part, _ body: () throws -> Result
  ) rethrows -> Result {
    guard let profiler else { return try body() }
    return try profiler.time(part, body)
  }
}

extension Node {
  /// The operations that a layer's matrix products are done in, each once.
  private static let products: Set<String> = ["forward", "backward weights", "backward data"]

  /// The multiplications and additions that one of a layer's operations is defined by, for
  /// `samples` samples; 0 where it is no matrix product.
  ///
  /// A dense layer of I inputs and O units has `2 I O` a sample; a convolution with windows of K
  /// pixels and G groups `2 K I / G O` for each pixel of its output.
  func arithmetic(_ operation: String, samples: Int) -> Double {
    guard Self.products.contains(operation), let input = inputs.first?.form else { return 0 }
    let perSample: Double =
      switch work {
      case .dense(let dense):
        2 * Double(input.channels) * Double(input.pixels) * Double(dense.units)
      case .convolution(let convolution, _):
        convolution.products(of: input.channels, form.channels, groups: groups)
          * Double(form.pixels)
      case .transposedConvolution(let convolution):
        convolution.products(of: input.channels, form.channels, groups: 1) * Double(input.pixels)
      default: 0
      }
    return Double(samples) * perSample
  }
}

extension Convolution2D {
  /// The multiplications and additions at one position of its window.
  fileprivate func products(of inputs: Int, _ outputs: Int, groups: Int) -> Double {
    2 * Double(kernelSize.height * kernelSize.width) * Double(inputs / max(1, groups))
      * Double(outputs)
  }
}
