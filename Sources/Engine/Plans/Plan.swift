internal import CKernels
internal import OneDNN

/// One thing to do, with everything it needs.
struct Step {
  /// `"layer: operation"`.
  let name: String
  let implementation: String
  let run: () throws -> Void
}

/// What changes from run to run of a plan.
final class PlanState {
  /// The samples as the caller gave them, `[N, E]`.
  var input: UnsafePointer<Float>
  /// What this step's dropout masks are drawn from.
  var dropoutKey: UInt64 = 0

  init(input: UnsafePointer<Float>) { self.input = input }
}

/// oneDNN's view of some of the caller's samples.
struct InputMemory {
  let memory: Memory
  /// Where they begin, in floats.
  let offset: Int

  func move(to input: UnsafePointer<Float>) throws(OneDNNError) {
    try memory.move(to: UnsafeMutableRawPointer(mutating: input + offset))
  }
}

/// Where a layer leaves what it computes.
struct LayerOutput {
  let layer: String
  /// How many of the forward steps have run by then.
  let steps: Int
  let values: UnsafeBufferPointer<Float>
}

/// A network compiled for one batch size and one purpose: two flat lists of steps.
///
/// Everything is decided and allocated when the plan is built; running it allocates nothing.
final class Plan {
  enum Purpose: Hashable {
    case inference
    case training(Network.Mode)
    /// Frozen training that also finds the gradient of the samples themselves.
    case inputGradient
  }

  let samples: Int
  private let state: PlanState
  private let forwardSteps: [Step]
  private let backwardSteps: [Step]
  private let outputs: [LayerOutput]
  /// What makes the forms of the weights that only this plan uses.
  private let preparation: [Step]
  private var preparedRevision = -1
  private let store: ParameterStore
  /// `[N, C]`, valid until the next run.
  let logits: UnsafeMutableBufferPointer<Float>
  /// `[N, C]`: where the loss's gradient goes before `runBackward`; empty for inference.
  let logitGradient: UnsafeMutableBufferPointer<Float>
  /// `[N, E]` after `runBackward`, in the caller's order; empty unless the purpose asks for it.
  let inputGradient: UnsafeMutableBufferPointer<Float>
  /// oneDNN's view of the caller's samples, where it reads them without a copy.
  private let inputMemories: [InputMemory]
  private let keptAlive: [AnyObject]

  init(
    samples: Int, state: PlanState, forward: [Step], backward: [Step], outputs: [LayerOutput],
    preparation: [Step], store: ParameterStore,
    logits: UnsafeMutableBufferPointer<Float>,
    logitGradient: UnsafeMutableBufferPointer<Float>,
    inputGradient: UnsafeMutableBufferPointer<Float>, inputMemories: [InputMemory],
    keepingAlive: [AnyObject]
  ) {
    self.samples = samples
    self.state = state
    forwardSteps = forward
    backwardSteps = backward
    self.outputs = outputs
    self.preparation = preparation
    self.store = store
    self.logits = logits
    self.logitGradient = logitGradient
    self.inputGradient = inputGradient
    self.inputMemories = inputMemories
    keptAlive = keepingAlive
  }

  /// Computes the logits.
  ///
  /// - Parameters:
  ///   - input: `[N, E]`; it must stay until after `runBackward`.
  ///   - dropoutKey: another one for every training step.
  func runForward(_ input: UnsafePointer<Float>, dropoutKey: UInt64) throws {
    state.input = input
    state.dropoutKey = dropoutKey
    for memory in inputMemories { try memory.move(to: input) }
    if store.revision != preparedRevision { try prepare() }
    try Self.run(forwardSteps)
  }

  /// By index: what iterates over closures allocates where it is not optimized.
  private static func run(_ steps: [Step]) throws {
    var index = 0
    while index < steps.count {
      try steps[index].run()
      index += 1
    }
  }

  private func prepare() throws {
    preparedRevision = -1
    for step in preparation { try step.run() }
    preparedRevision = store.revision
  }

  /// Computes all gradients from `logitGradient`.
  func runBackward() throws {
    try Self.run(backwardSteps)
  }

  /// The first layer whose output holds a NaN or an infinity, for the last input.
  ///
  /// Runs the forward steps again and looks after each layer, so it is for the end of a run that
  /// went wrong: running statistics move once more.
  func firstNonFiniteLayer() throws -> String? {
    var done = 0
    for output in outputs {
      for step in forwardSteps[done..<output.steps] { try step.run() }
      done = output.steps
      if output.values.firstNonFinite != nil { return output.layer }
    }
    return nil
  }

  var implementations: [String] {
    (forwardSteps + backwardSteps).map { "\($0.name): \($0.implementation)" }
  }

  /// Runs all steps and tells how long each took.
  ///
  /// - Parameter seconds: receives one number for each of `implementations`.
  func runTimed(
    _ input: UnsafePointer<Float>, seconds: inout [Double], clock: () -> Double
  ) throws {
    state.input = input
    for memory in inputMemories { try memory.move(to: input) }
    if store.revision != preparedRevision { try prepare() }
    for (index, step) in (forwardSteps + backwardSteps).enumerated() {
      let start = clock()
      try step.run()
      seconds[index] = clock() - start
    }
  }
}

extension UnsafeBufferPointer<Float> {
  /// Where the first NaN or infinity is.
  var firstNonFinite: Int? {
    guard let baseAddress else { return nil }
    let index = ck_first_non_finite(baseAddress, count)
    return index < 0 ? nil : index
  }
}
