public import ModelCore

/// A network that computes: forward, backward, and the weights in between.
///
/// One owner uses it at a time; it is not `Sendable`. With `N` samples, `E` elements of one
/// sample and `C` classes throughout.
public final class Network {
  public let architecture: Architecture
  public let sampleShape: Shape
  public let classCount: Int
  /// The threads that share the work. The same number gives the same bits.
  public let threads: Int

  /// What a step does to what training only tracks.
  public enum Mode: Hashable, Sendable {
    /// Batch statistics are used and the running ones move; dropout is on.
    case training
    /// Running statistics are used and stay; dropout is off. All weights still get gradients.
    case frozen
  }

  /// - Parameters:
  ///   - parameters: every weight of the architecture, in Keras's layout.
  ///   - threads: 0 stands for all cores.
  /// - Throws: `ArchitectureError`, `EngineError`.
  public init(_ architecture: Architecture, parameters: Parameters, threads: Int = 0) throws {
    self.architecture = architecture
    sampleShape = try architecture.inputShape()
    classCount = try architecture.classCount()
    self.threads = max(1, threads)
  }

  /// A copy of the weights in Keras's layout, in the order of
  /// `architecture.parameterSpecifications()`.
  public var parameters: Parameters { get throws { throw EngineError.noStepYet } }

  /// Replaces all weights. Optimizers keep what they have gathered.
  ///
  /// - Throws: `EngineError` when a weight is missing, unknown or of another shape.
  public func setParameters(_ parameters: Parameters) throws { throw EngineError.noStepYet }

  /// Class scores before a final softmax, in inference mode.
  ///
  /// - Parameters:
  ///   - inputs: `[count, E]`.
  ///   - logits: receives `[count, C]`.
  public func logits(
    _ inputs: UnsafeBufferPointer<Float>, count: Int,
    into logits: UnsafeMutableBufferPointer<Float>
  ) throws { throw EngineError.noStepYet }

  /// Runs forward and backward and replaces the gradients.
  ///
  /// - Returns: `L = sum_i weights[i] * CE(targets[i], softmax(z_i))`, with `z` the logits.
  /// - Throws: `EngineError.nonFiniteLoss`; the gradients are then undefined.
  @discardableResult
  public func backpropagate(_ batch: Batch, mode: Mode) throws -> Float {
    throw EngineError.noStepYet
  }

  /// Runs forward and backward with the caller's own loss.
  ///
  /// - Parameter loss: given the logits `[N, C]`, fills their gradient `[N, C]` and returns the
  ///   loss.
  @discardableResult
  public func backpropagate(
    _ batch: Batch, mode: Mode,
    loss: (
      _ logits: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
    ) throws -> Float
  ) throws -> Float { throw EngineError.noStepYet }

  /// The logits `[N, C]` of the last `backpropagate`'s batch; empty before the first. They are
  /// overwritten by the next.
  public var lastLogits: UnsafeBufferPointer<Float> { .init(start: nil, count: 0) }

  /// A copy of the gradients of the last `backpropagate`, trainable weights only, in Keras's
  /// layout.
  public var gradients: Parameters { get throws { throw EngineError.noStepYet } }

  /// The Euclidean norm of all gradients together.
  public var gradientNorm: Float { 0 }

  /// Scales the gradients down so that their norm is at most `norm`.
  ///
  /// - Returns: the norm before.
  @discardableResult
  public func clipGradients(to norm: Float) -> Float { 0 }

  /// An optimizer for this network's weights, which it keeps alive.
  public func makeOptimizer(_ kind: TrainingRecipe.Optimizer) throws -> Optimizer {
    Optimizer(network: self, kind: kind)
  }

  /// A running average that starts as a copy of the weights.
  public func makeAverage() throws -> WeightAverage { WeightAverage(network: self) }

  /// Starts the sequence of dropout masks anew.
  public func reseedDropout(_ seed: UInt64) {}

  /// The name of the implementation behind each primitive of the plans made so far, as
  /// `"layer: operation: implementation"`.
  public var implementations: [String] { [] }
}
