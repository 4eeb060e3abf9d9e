public import ModelCore

/// How Keras was told to train a model: a file's `training_config`.
public struct CompiledTraining: Hashable, Sendable {
  public var optimizer: TrainingRecipe.Optimizer
  public var learningRate: Float
  public var schedule: TrainingRecipe.Schedule
  public var weightDecay: Float
  public var clipping: TrainingRecipe.Clipping

  /// - Returns: nil for an optimizer or a schedule that the engine does not have.
  init?(parsing text: String) {
    guard let root = try? JSONValue(parsing: text) else { return nil }
    self.init(root)
  }

  /// - Parameter root: a `training_config`, or the `compile_config` of a `.keras` file.
  init?(_ root: JSONValue) {
    guard let entry = root["optimizer_config"] ?? root["optimizer"],
      let name = entry["class_name"]?.string, let config = entry["config"],
      let optimizer = Self.optimizer(name, config),
      let (rate, schedule) = Self.rate(config["learning_rate"] ?? config["lr"])
    else { return nil }
    self.optimizer = optimizer
    (learningRate, self.schedule) = (rate, schedule)
    weightDecay = max(0, TrainingRecipe.float(config["weight_decay"]) ?? 0)
    clipping = .none
    if let limit = Self.limit(config["clipnorm"]) { clipping = .norm(limit) }
    if let limit = Self.limit(config["global_clipnorm"]) { clipping = .globalNorm(limit) }
    if let limit = Self.limit(config["clipvalue"]) { clipping = .value(limit) }
  }

  private static func limit(_ json: JSONValue?) -> Float? {
    TrainingRecipe.float(json).flatMap { $0 > 0 ? $0 : nil }
  }

  private static func optimizer(
    _ name: String, _ config: JSONValue
  ) -> TrainingRecipe.Optimizer? {
    func number(_ key: String, _ value: Float) -> Float {
      TrainingRecipe.float(config[key]) ?? value
    }
    // tf.keras writes "Custom>Adam".
    switch name.split(separator: ">").last.map(String.init) {
    case "SGD":
      return .sgd(
        momentum: number("momentum", 0), isNesterov: config["nesterov"]?.boolean ?? false)
    case "Adam", "AdamW":
      return .adam(
        beta1: number("beta_1", 0.9), beta2: number("beta_2", 0.999),
        epsilon: number("epsilon", 1e-7), isAMSGrad: config["amsgrad"]?.boolean ?? false)
    case "RMSprop":
      return .rmsprop(
        decay: number("rho", 0.9), momentum: number("momentum", 0),
        epsilon: number("epsilon", 1e-7), isCentered: config["centered"]?.boolean ?? false)
    default: return nil
    }
  }

  /// A number, or a schedule with settings of its own.
  private static func rate(_ json: JSONValue?) -> (Float, TrainingRecipe.Schedule)? {
    if let rate = TrainingRecipe.float(json), rate > 0 { return (rate, .constant) }
    guard let name = json?["class_name"]?.string, let config = json?["config"] else { return nil }
    func float(_ key: String) -> Float? { TrainingRecipe.float(config[key]) }
    func count(_ key: String) -> Int? {
      config[key]?.number.flatMap { Int(exactly: $0) }
        .flatMap { (0...Int(Int32.max)).contains($0) ? $0 : nil }
    }
    let initial = float("initial_learning_rate")
    switch name {
    case "ExponentialDecay":
      guard let initial, initial > 0, let steps = count("decay_steps"), steps > 0,
        let rate = float("decay_rate")
      else { return nil }
      return (
        initial,
        .exponential(
          steps: steps, rate: rate, isStaircase: config["staircase"]?.boolean ?? false)
      )
    case "CosineDecay":
      guard let initial, let steps = count("decay_steps"), steps > 0 else { return nil }
      let (end, target) = (float("alpha") ?? 0, float("warmup_target"))
      let peak = target ?? initial
      guard peak > 0 else { return nil }
      return (
        peak,
        .cosine(
          steps: steps, end: end, warmup: target == nil ? 0 : count("warmup_steps") ?? 0,
          start: initial / peak)
      )
    case "PiecewiseConstantDecay":
      let boundaries = (config["boundaries"]?.array ?? []).compactMap { $0.number }
      let values = (config["values"]?.array ?? []).compactMap { TrainingRecipe.float($0) }
      guard let first = values.first, first > 0, values.count == boundaries.count + 1 else {
        return nil
      }
      let steps = boundaries.compactMap { Int(exactly: $0.rounded()) }
      guard steps.count == boundaries.count else { return nil }
      return (first, .piecewise(boundaries: steps, factors: values.map { $0 / first }))
    default: return nil
    }
  }
}

extension Checkpoint {
  /// How Keras was told to train the model; nil where the file does not say, or says something
  /// that the engine does not have.
  ///
  /// - Throws: `CheckpointError` when the file cannot be read.
  public func compiledTraining() throws -> CompiledTraining? {
    try compileText().flatMap(CompiledTraining.init(parsing:))
  }

  /// What the file's compiled settings ask for and training here does not do, in words.
  ///
  /// - Throws: `CheckpointError` when the file cannot be read.
  public func unheededTraining() throws -> [String] {
    try compileText().map(CompiledTraining.unheeded(in:)) ?? []
  }

  private func compileText() throws -> String? {
    if let text = try trainingConfig() { return text }
    guard let text = modelConfig, let root = try? JSONValue(parsing: text) else { return nil }
    return root["compile_config"].flatMap { $0.object?.isEmpty == false ? $0.text : nil }
  }
}
