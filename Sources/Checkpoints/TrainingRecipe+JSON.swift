public import ModelCore

extension TrainingRecipe {
  static let schema = "modelctl/training/1"

  /// The recipe as it is stored.
  public var json: JSONValue {
    .object([
      "schema": .string(Self.schema),
      "epochs": .integer(Int64(epochs)),
      "batchSize": .integer(Int64(batchSize)),
      "optimizer": optimizer.json,
      "learningRate": Self.decimal(learningRate),
      "schedule": .string(schedule.rawValue),
      // Beyond 2^63 a JSON number is not exact everywhere.
      "seed": Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)),
    ])
  }

  /// - Returns: nil when the value is not a recipe.
  init?(_ json: JSONValue) {
    guard json["schema"]?.string == Self.schema,
      let epochs = json["epochs"]?.integer.flatMap({ Int32(exactly: $0) }), epochs >= 0,
      let batchSize = json["batchSize"]?.integer.flatMap({ Int32(exactly: $0) }), batchSize > 0,
      let optimizer = json["optimizer"].flatMap(Optimizer.init),
      let learningRate = Self.float(json["learningRate"]), learningRate > 0,
      let schedule = json["schedule"]?.string.flatMap(Schedule.init),
      let seed = Self.seed(json["seed"])
    else { return nil }
    self.init(
      epochs: Int(epochs), batchSize: Int(batchSize), optimizer: optimizer,
      learningRate: learningRate, schedule: schedule, seed: seed)
  }

  private static func seed(_ json: JSONValue?) -> UInt64? {
    if let text = json?.string { return UInt64(text) }
    return json?.integer.flatMap { UInt64(exactly: $0) }
  }

  /// The shortest decimal that reads back as the same 32-bit float.
  fileprivate static func decimal(_ value: Float) -> JSONValue {
    .number(Double(value.description) ?? Double(value))
  }

  fileprivate static func float(_ json: JSONValue?) -> Float? {
    json?.number.map { Float($0) }.flatMap { $0.isFinite ? $0 : nil }
  }
}

extension TrainingRecipe.Optimizer {
  fileprivate var json: JSONValue {
    switch self {
    case .sgd(let momentum):
      .object(["name": .string("sgd"), "momentum": TrainingRecipe.decimal(momentum)])
    case .adam(let beta1, let beta2, let epsilon):
      .object([
        "name": .string("adam"), "beta1": TrainingRecipe.decimal(beta1),
        "beta2": TrainingRecipe.decimal(beta2), "epsilon": TrainingRecipe.decimal(epsilon),
      ])
    }
  }

  fileprivate init?(_ json: JSONValue) {
    switch json["name"]?.string {
    case "sgd":
      guard let momentum = TrainingRecipe.float(json["momentum"]) else { return nil }
      self = .sgd(momentum: momentum)
    case "adam":
      guard let beta1 = TrainingRecipe.float(json["beta1"]),
        let beta2 = TrainingRecipe.float(json["beta2"]),
        let epsilon = TrainingRecipe.float(json["epsilon"])
      else { return nil }
      self = .adam(beta1: beta1, beta2: beta2, epsilon: epsilon)
    default: return nil
    }
  }
}
