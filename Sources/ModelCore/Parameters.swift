/// What identifies a weight of a network: its layer, and its role in that layer.
///
/// Names follow Keras: `kernel`, `bias`, `gamma`, `beta`, `moving_mean`, `moving_variance`.
public struct ParameterName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let layer: String
  public let role: String

  public init(layer: String, role: String) {
    self.layer = layer
    self.role = role
  }

  public var description: String { "\(layer)/\(role)" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.layer, left.role) < (right.layer, right.role)
  }
}

/// What a layer needs to be given: one weight's name, shape and role in training.
public struct ParameterSpecification: Hashable, Sendable {
  /// How a fresh network fills the weight.
  public enum Initializer: Hashable, Sendable {
    case zeros
    case ones
    /// Uniform in +-sqrt(6 / (fanIn + fanOut)): Glorot and Bengio, AISTATS 2010, eq. 16.
    case glorotUniform(fanIn: Int, fanOut: Int)
    /// Uniform between the limit and its negative.
    case uniform(limit: Float)
  }

  public let name: ParameterName
  /// In Keras's layout: a dense kernel is `[in, out]`, a convolution's `[height, width, in, out]`.
  public let shape: Shape
  /// False for what training tracks but no gradient moves, such as running statistics.
  public let isTrainable: Bool
  public let initializer: Initializer

  public init(name: ParameterName, shape: Shape, isTrainable: Bool, initializer: Initializer) {
    self.name = name
    self.shape = shape
    self.isTrainable = isTrainable
    self.initializer = initializer
  }
}

/// One weight of a network as 32-bit floats in Keras's layout.
public struct Parameter: Hashable, Sendable {
  public let name: ParameterName
  public let shape: Shape
  /// `shape.elementCount` values, row-major.
  public var values: [Float]

  public init(name: ParameterName, shape: Shape, values: [Float]) {
    precondition(values.count == shape.elementCount, "\(name): \(values.count) values, \(shape)")
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// All weights of a network, in the order of its layers, found by name.
public struct Parameters: Hashable, Sendable {
  public private(set) var all: [Parameter] = []
  private var positions: [ParameterName: Int] = [:]

  public init() {}

  /// - Precondition: every name occurs once.
  public init(_ parameters: some Sequence<Parameter>) {
    for parameter in parameters { append(parameter) }
  }

  public mutating func append(_ parameter: Parameter) {
    precondition(positions[parameter.name] == nil, "two weights are named \(parameter.name)")
    positions[parameter.name] = all.count
    all.append(parameter)
  }

  public subscript(name: ParameterName) -> Parameter? {
    positions[name].map { all[$0] }
  }

  /// Changes every weight's values in place.
  public mutating func update(_ body: (ParameterName, inout [Float]) throws -> Void) rethrows {
    for index in all.indices { try body(all[index].name, &all[index].values) }
  }

  /// How many numbers there are in all.
  public var scalarCount: Int { all.reduce(0) { $0 + $1.values.count } }

  /// The first weight that holds a NaN or an infinity, if one does.
  public var firstNonFinite: ParameterName? {
    all.first { parameter in parameter.values.contains { !$0.isFinite } }?.name
  }
}

extension Parameters {
  /// A fresh network's weights: every layer's own initializer, seeded.
  public init(initializing specifications: [ParameterSpecification], seed: UInt64) {
    self.init(
      specifications.map { specification in
        var random = SeededGenerator(seed: seed, stream: "init/\(specification.name)")
        let count = specification.shape.elementCount
        let values: [Float]
        switch specification.initializer {
        case .zeros: values = .init(repeating: 0, count: count)
        case .ones: values = .init(repeating: 1, count: count)
        case .glorotUniform(let fanIn, let fanOut):
          let limit = (6 / Double(max(1, fanIn + fanOut))).squareRoot()
          values = (0..<count).map { _ in Float((2 * random.nextUnit() - 1) * limit) }
        case .uniform(let limit):
          values = (0..<count).map { _ in Float(2 * random.nextUnit() - 1) * limit }
        }
        return Parameter(name: specification.name, shape: specification.shape, values: values)
      })
  }
}
