internal import Engine
internal import ModelCore

/// Takes a model part of the way back to where training starts: `theta = a theta0 + (1 - a) fresh`,
/// and trains it on the retained samples again.
///
/// What was known by heart goes first. Running statistics stay and move on in training. It is done
/// once in a model's life: the second time it ruins the rest.
///
/// - SeeAlso: shrink and perturb, Ash and Adams, NeurIPS 2020.
struct SoftReset {
  /// `a`: how much of the original weights stays.
  var share: Float
  /// Over the retained samples, at training's rate falling to zero.
  var passes: Double

  func apply(to session: UnlearningSession) throws {
    let network = session.network
    var random = SeededGenerator(seed: session.seed, stream: "unlearn/reset/\(session.attempt)")
    let fresh = Parameters(
      initializing: try network.architecture.parameterSpecifications(), seed: random.next())
    let trainable = Set(
      try network.architecture.parameterSpecifications().filter(\.isTrainable).map(\.name))
    var mixed = session.original
    mixed.update { name, values in
      guard trainable.contains(name), let start = fresh[name]?.values else { return }
      for index in values.indices {
        values[index] = share * values[index] + (1 - share) * start[index]
      }
    }
    try network.setParameters(mixed)
    session.note("softReset", .number(Double(share)))
    session.note("resetPasses", .number(passes))
    let retained = try session.rows(of: .retain).count
    let size = session.batchSizes(forget: 0, retain: 128).retain
    var descent = Descent(
      [.init([.init(.retain, count: size, .init(.labels))])],
      steps: max(1, Int(passes * Double(retained) / Double(size))),
      learningRate: session.adamLearningRate)
    descent.schedule = .linearToZero
    descent.mode = .training
    descent.averages = false
    try session.descend(descent)
  }
}
