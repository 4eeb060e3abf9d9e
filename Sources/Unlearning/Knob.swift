/// A hyper-parameter of a method: where it is kept, and which values make sense.
public enum Knob<Method> {
  case count(WritableKeyPath<Method, Int>, in: ClosedRange<Int>)
  case rate(WritableKeyPath<Method, Float>, in: ClosedRange<Float>)
  case number(WritableKeyPath<Method, Double>, in: ClosedRange<Double>)
  /// Nil stands for what the method chooses itself, which people write as `auto`.
  case automatic(WritableKeyPath<Method, Double?>, in: ClosedRange<Double>)
  case flag(WritableKeyPath<Method, Bool>)

  func value(in method: Method) -> Setting {
    switch self {
    case .count(let path, _): .number(Double(method[keyPath: path]))
    case .rate(let path, _): .number(Double(method[keyPath: path]))
    case .number(let path, _): .number(method[keyPath: path])
    case .automatic(let path, _): method[keyPath: path].map(Setting.number) ?? .text("auto")
    case .flag(let path): .flag(method[keyPath: path])
    }
  }

  /// - Returns: what was expected instead, or nil when the value was taken.
  func set(_ value: Setting, in method: inout Method) -> String? {
    switch (self, value) {
    case (.count(let path, let range), .number(let number)):
      guard let count = Int(exactly: number), range.contains(count) else { break }
      method[keyPath: path] = count
      return nil
    case (.rate(let path, let range), .number(let number)):
      guard range.contains(Float(number)) else { break }
      method[keyPath: path] = Float(number)
      return nil
    case (.number(let path, let range), .number(let number)):
      guard range.contains(number) else { break }
      method[keyPath: path] = number
      return nil
    case (.automatic(let path, let range), .number(let number)):
      guard range.contains(number) else { break }
      method[keyPath: path] = number
      return nil
    case (.automatic(let path, _), .text("auto")):
      method[keyPath: path] = nil
      return nil
    case (.flag(let path), .flag(let flag)):
      method[keyPath: path] = flag
      return nil
    default: break
    }
    return expectation
  }

  private var expectation: String {
    switch self {
    case .count(_, let range):
      "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .rate(_, let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .number(_, let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .automatic(_, let range):
      "auto, or a number from \(range.lowerBound) to \(range.upperBound)"
    case .flag: "true or false"
    }
  }
}

extension UnlearningMethod {
  /// Every hyper-parameter, for the record.
  public var settings: [String: Setting] { Self.knobs.mapValues { $0.value(in: self) } }

  /// The same method with other hyper-parameters.
  ///
  /// - Throws: `UnlearningError.unknownSetting` or `UnlearningError.setting`.
  public func with(_ changes: [String: Setting]) throws(UnlearningError) -> Self {
    var method = self
    for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
      guard let knob = Self.knobs[name] else {
        throw .unknownSetting(method: self.name, name: name, known: Self.knobs.keys.sorted())
      }
      if let expected = knob.set(value, in: &method) {
        throw .setting(
          method: self.name, name: name, value: value.description, expected: expected)
      }
    }
    return method
  }
}

extension Setting: CustomStringConvertible {
  /// As people write it: `true` and `false` are flags, numbers are numbers, all else is text.
  public init(parsing text: String) {
    self =
      switch text {
      case "true": .flag(true)
      case "false": .flag(false)
      default: Double(text).map(Setting.number) ?? .text(text)
      }
  }

  public var description: String {
    switch self {
    case .number(let value):
      value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    case .text(let value): value
    case .flag(let value): "\(value)"
    }
  }
}
