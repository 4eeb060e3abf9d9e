internal import Foundation

extension TrainingRecipe {
  /// How the learning rate moves over a run, as a factor of the full rate.
  public enum Schedule: Hashable, Sendable {
    case constant
    /// From the full rate at the first step, evenly down to zero after the last.
    case linearToZero
    /// Evenly up from `start` over the first `warmup` steps, then down half a cosine to `end` over
    /// `steps`, or over the rest of the run. (Loshchilov and Hutter, ICLR 2017; Keras's
    /// `CosineDecay`.)
    case cosine(steps: Int? = nil, end: Float = 0, warmup: Int = 0, start: Float = 0)
    /// `rate^(step / steps)`, in whole powers if it is a staircase: Keras's `ExponentialDecay`.
    case exponential(steps: Int, rate: Float, isStaircase: Bool = false)
    /// The first factor up to and with the first boundary, and so on; one factor more than there
    /// are boundaries: Keras's `PiecewiseConstantDecay`.
    case piecewise(boundaries: [Int], factors: [Float])

    /// The share of the full rate for one step out of `total`, counted from zero.
    public func factor(step: Int, of total: Int) -> Double {
      switch self {
      case .constant: return 1
      case .linearToZero: return 1 - Double(step) / Double(max(1, total))
      case .cosine(let steps, let end, let warmup, let start):
        if step < warmup {
          return Double(start) + (1 - Double(start)) * Double(step) / Double(warmup)
        }
        let length = max(1, steps ?? (total - warmup))
        let share = min(1, Double(step - warmup) / Double(length))
        return (1 - Double(end)) * 0.5 * (1 + cos(.pi * share)) + Double(end)
      case .exponential(let steps, let rate, let isStaircase):
        let power = Double(step) / Double(max(1, steps))
        return pow(Double(rate), isStaircase ? power.rounded(.down) : power)
      case .piecewise(let boundaries, let factors):
        let index = boundaries.firstIndex { step <= $0 } ?? boundaries.count
        return factors.indices.contains(index) ? Double(factors[index]) : 1
      }
    }

    /// What the schedule is called in files and on the command line.
    public var name: String {
      switch self {
      case .constant: "constant"
      case .linearToZero: "linear-to-zero"
      case .cosine: "cosine"
      case .exponential: "exponential"
      case .piecewise: "piecewise"
      }
    }
  }
}

/// A name where that says all, else an object with the name and the settings.
extension TrainingRecipe.Schedule: Codable {
  private enum Key: String, CodingKey {
    case name, steps, end, warmup, start, rate, isStaircase, boundaries, factors
  }

  public func encode(to encoder: any Encoder) throws {
    if self == .constant || self == .linearToZero {
      var container = encoder.singleValueContainer()
      return try container.encode(name)
    }
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    switch self {
    case .constant, .linearToZero: break
    case .cosine(let steps, let end, let warmup, let start):
      try container.encodeIfPresent(steps, forKey: .steps)
      try container.encode(end, forKey: .end)
      try container.encode(warmup, forKey: .warmup)
      try container.encode(start, forKey: .start)
    case .exponential(let steps, let rate, let isStaircase):
      try container.encode(steps, forKey: .steps)
      try container.encode(rate, forKey: .rate)
      try container.encode(isStaircase, forKey: .isStaircase)
    case .piecewise(let boundaries, let factors):
      try container.encode(boundaries, forKey: .boundaries)
      try container.encode(factors, forKey: .factors)
    }
  }

  public init(from decoder: any Decoder) throws {
    if let word = try? decoder.singleValueContainer().decode(String.self) {
      switch word {
      case "constant": self = .constant
      case "linear-to-zero": self = .linearToZero
      default: throw Self.unknown(word, decoder)
      }
      return
    }
    let container = try decoder.container(keyedBy: Key.self)
    let word = try container.decode(String.self, forKey: .name)
    switch word {
    case "cosine":
      self = .cosine(
        steps: try container.decodeIfPresent(Int.self, forKey: .steps),
        end: try container.decode(Float.self, forKey: .end),
        warmup: try container.decode(Int.self, forKey: .warmup),
        start: try container.decode(Float.self, forKey: .start))
    case "exponential":
      self = .exponential(
        steps: try container.decode(Int.self, forKey: .steps),
        rate: try container.decode(Float.self, forKey: .rate),
        isStaircase: try container.decode(Bool.self, forKey: .isStaircase))
    case "piecewise":
      self = .piecewise(
        boundaries: try container.decode([Int].self, forKey: .boundaries),
        factors: try container.decode([Float].self, forKey: .factors))
    default: throw Self.unknown(word, decoder)
    }
  }

  private static func unknown(_ word: String, _ decoder: any Decoder) -> DecodingError {
    .dataCorrupted(
      .init(codingPath: decoder.codingPath, debugDescription: "no schedule is called '\(word)'"))
  }
}

/// `"none"`, or an object with the kind and its limit.
extension TrainingRecipe.Clipping: Codable {
  private enum Key: String, CodingKey { case norm, globalNorm, value }

  public func encode(to encoder: any Encoder) throws {
    if self == .none {
      var container = encoder.singleValueContainer()
      return try container.encode("none")
    }
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .none: break
    case .norm(let limit): try container.encode(limit, forKey: .norm)
    case .globalNorm(let limit): try container.encode(limit, forKey: .globalNorm)
    case .value(let limit): try container.encode(limit, forKey: .value)
    }
  }

  public init(from decoder: any Decoder) throws {
    if (try? decoder.singleValueContainer().decode(String.self)) == "none" {
      self = .none
      return
    }
    let container = try decoder.container(keyedBy: Key.self)
    if let limit = try container.decodeIfPresent(Float.self, forKey: .norm) {
      self = .norm(limit)
    } else if let limit = try container.decodeIfPresent(Float.self, forKey: .globalNorm) {
      self = .globalNorm(limit)
    } else {
      self = .value(try container.decode(Float.self, forKey: .value))
    }
  }
}
