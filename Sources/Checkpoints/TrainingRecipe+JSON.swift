public import ModelCore

extension TrainingRecipe {
  static let schema = "modelctl/training/1"

  /// The recipe as it is stored; settings that do nothing are left out.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "schema": .string(Self.schema),
      "epochs": .integer(Int64(epochs)),
      "batchSize": .integer(Int64(batchSize)),
      "optimizer": optimizer.json,
      "learningRate": Self.decimal(learningRate),
      "schedule": schedule.json,
      // Beyond 2^63 a JSON number is not exact everywhere.
      "seed": Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)),
    ]
    if weightDecay != 0 { members["weightDecay"] = Self.decimal(weightDecay) }
    members["clipping"] = clipping.json
    if augmentation != .none {
      members["augmentation"] = .object([
        "shift": .integer(Int64(augmentation.shift)),
        "flipsHorizontally": .boolean(augmentation.flipsHorizontally),
        "flipsVertically": .boolean(augmentation.flipsVertically),
      ])
    }
    return .object(members)
  }

  /// - Returns: nil when the value is not a recipe.
  init?(_ json: JSONValue) {
    guard json["schema"]?.string == Self.schema,
      let epochs = json["epochs"]?.integer.flatMap({ Int32(exactly: $0) }), epochs >= 0,
      let batchSize = json["batchSize"]?.integer.flatMap({ Int32(exactly: $0) }), batchSize > 0,
      let optimizer = json["optimizer"].flatMap(Optimizer.init),
      let learningRate = Self.float(json["learningRate"]), learningRate > 0,
      let schedule = json["schedule"].flatMap(Schedule.init(stored:)),
      let weightDecay = json["weightDecay"].map(Self.float) ?? 0, weightDecay >= 0,
      let clipping = json["clipping"].map(Clipping.init(stored:)) ?? Clipping.none,
      let augmentation = json["augmentation"].map(Augmentation.init(stored:)) ?? Augmentation.none,
      let seed = Self.seed(json["seed"])
    else { return nil }
    self.init(
      epochs: Int(epochs), batchSize: Int(batchSize), optimizer: optimizer,
      learningRate: learningRate, schedule: schedule, weightDecay: weightDecay,
      clipping: clipping, augmentation: augmentation, seed: seed)
  }

  private static func seed(_ json: JSONValue?) -> UInt64? {
    if let text = json?.string { return UInt64(text) }
    return json?.integer.flatMap { UInt64(exactly: $0) }
  }

  /// The shortest decimal that reads back as the same 32-bit float.
  fileprivate static func decimal(_ value: Float) -> JSONValue {
    .number(Double(value.description) ?? Double(value))
  }

  static func float(_ json: JSONValue?) -> Float? {
    json?.number.map { Float($0) }.flatMap { $0.isFinite ? $0 : nil }
  }

  fileprivate static func count(_ json: JSONValue?) -> Int? {
    json?.integer.flatMap { (0...Int64(Int32.max)).contains($0) ? Int($0) : nil }
  }
}

extension TrainingRecipe.Optimizer {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue]
    switch self {
    case .sgd(let momentum, let isNesterov):
      members = ["name": .string("sgd"), "momentum": TrainingRecipe.decimal(momentum)]
      if isNesterov { members["nesterov"] = .boolean(true) }
    case .adam(let beta1, let beta2, let epsilon, let isAMSGrad):
      members = [
        "name": .string("adam"), "beta1": TrainingRecipe.decimal(beta1),
        "beta2": TrainingRecipe.decimal(beta2), "epsilon": TrainingRecipe.decimal(epsilon),
      ]
      if isAMSGrad { members["amsgrad"] = .boolean(true) }
    case .rmsprop(let decay, let momentum, let epsilon, let isCentered):
      members = [
        "name": .string("rmsprop"), "decay": TrainingRecipe.decimal(decay),
        "momentum": TrainingRecipe.decimal(momentum), "epsilon": TrainingRecipe.decimal(epsilon),
      ]
      if isCentered { members["centered"] = .boolean(true) }
    }
    return .object(members)
  }

  fileprivate init?(_ json: JSONValue) {
    func float(_ key: String) -> Float? { TrainingRecipe.float(json[key]) }
    switch json["name"]?.string {
    case "sgd":
      guard let momentum = float("momentum") else { return nil }
      self = .sgd(momentum: momentum, isNesterov: json["nesterov"]?.boolean ?? false)
    case "adam":
      guard let beta1 = float("beta1"), let beta2 = float("beta2"), let epsilon = float("epsilon")
      else { return nil }
      self = .adam(
        beta1: beta1, beta2: beta2, epsilon: epsilon, isAMSGrad: json["amsgrad"]?.boolean ?? false)
    case "rmsprop":
      guard let decay = float("decay"), let momentum = float("momentum"),
        let epsilon = float("epsilon")
      else { return nil }
      self = .rmsprop(
        decay: decay, momentum: momentum, epsilon: epsilon,
        isCentered: json["centered"]?.boolean ?? false)
    default: return nil
    }
  }
}

extension TrainingRecipe.Schedule {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = ["name": .string(name)]
    switch self {
    case .constant, .linearToZero: return .string(name)
    case .cosine(let steps, let end, let warmup, let start):
      members["steps"] = steps.map { .integer(Int64($0)) }
      members["end"] = TrainingRecipe.decimal(end)
      members["warmup"] = .integer(Int64(warmup))
      members["start"] = TrainingRecipe.decimal(start)
    case .exponential(let steps, let rate, let isStaircase):
      members["steps"] = .integer(Int64(steps))
      members["rate"] = TrainingRecipe.decimal(rate)
      members["staircase"] = .boolean(isStaircase)
    case .piecewise(let boundaries, let factors):
      members["boundaries"] = .array(boundaries.map { .integer(Int64($0)) })
      members["factors"] = .array(factors.map(TrainingRecipe.decimal))
    }
    return .object(members)
  }

  fileprivate init?(stored json: JSONValue) {
    func float(_ key: String) -> Float? { TrainingRecipe.float(json[key]) }
    func count(_ key: String) -> Int? { TrainingRecipe.count(json[key]) }
    switch json.string ?? json["name"]?.string {
    case "constant": self = .constant
    case "linear-to-zero": self = .linearToZero
    case "cosine":
      guard let end = float("end"), let warmup = count("warmup"), let start = float("start"),
        json["steps"] == nil || count("steps") != nil
      else { return nil }
      self = .cosine(steps: count("steps"), end: end, warmup: warmup, start: start)
    case "exponential":
      guard let steps = count("steps"), steps > 0, let rate = float("rate") else { return nil }
      self = .exponential(
        steps: steps, rate: rate, isStaircase: json["staircase"]?.boolean ?? false)
    case "piecewise":
      let boundaries = (json["boundaries"]?.array ?? []).map { TrainingRecipe.count($0) }
      let factors = (json["factors"]?.array ?? []).map { TrainingRecipe.float($0) }
      let (steps, shares) = (boundaries.compactMap { $0 }, factors.compactMap { $0 })
      guard steps.count == boundaries.count, shares.count == factors.count,
        shares.count == steps.count + 1
      else { return nil }
      self = .piecewise(boundaries: steps, factors: shares)
    default: return nil
    }
  }
}

extension TrainingRecipe.Clipping {
  fileprivate var json: JSONValue? {
    switch self {
    case .none: nil
    case .norm(let limit): .object(["norm": TrainingRecipe.decimal(limit)])
    case .globalNorm(let limit): .object(["globalNorm": TrainingRecipe.decimal(limit)])
    case .value(let limit): .object(["value": TrainingRecipe.decimal(limit)])
    }
  }

  fileprivate init?(stored json: JSONValue) {
    guard json.object?.count == 1 else { return nil }
    let limits = ["norm", "globalNorm", "value"].map { TrainingRecipe.float(json[$0]) }
    guard let limit = limits.compactMap({ $0 }).first, limit > 0 else { return nil }
    self = limits[0] != nil ? .norm(limit) : limits[1] != nil ? .globalNorm(limit) : .value(limit)
  }
}

extension TrainingRecipe.Augmentation {
  fileprivate init?(stored json: JSONValue) {
    guard let shift = TrainingRecipe.count(json["shift"]),
      let horizontally = json["flipsHorizontally"]?.boolean,
      let vertically = json["flipsVertically"]?.boolean
    else { return nil }
    self.init(shift: shift, flipsHorizontally: horizontally, flipsVertically: vertically)
  }
}
