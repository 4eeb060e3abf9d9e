internal import Foundation
public import ModelCore

/// All weights that training moves, in a row: `[P]`, in the order of the layers.
public struct WeightVector: Hashable, Sendable {
  private let names: [ParameterName]
  public var values: [Float]

  /// - Parameters:
  ///   - parameters: each of the named weights.
  ///   - specifications: those of the network; running statistics are left out.
  init(_ parameters: Parameters, of specifications: [ParameterSpecification]) {
    names = specifications.filter(\.isTrainable).map(\.name)
    values = names.flatMap { parameters[$0]?.values ?? [] }
  }

  public var count: Int { values.count }

  /// These weights, and the running statistics of others.
  func written(into parameters: Parameters) -> Parameters {
    var starts: [ParameterName: Int] = [:]
    var start = 0
    for name in names {
      starts[name] = start
      start += parameters[name]?.values.count ?? 0
    }
    var result = parameters
    result.update { name, slot in
      guard let start = starts[name] else { return }
      slot = Array(values[start..<(start + slot.count)])
    }
    return result
  }

  /// `self += factor * other`.
  mutating func add(_ other: WeightVector, times factor: Float) {
    for index in values.indices { values[index] += factor * other.values[index] }
  }

  mutating func scale(_ factor: Float) {
    for index in values.indices { values[index] *= factor }
  }

  /// The Euclidean norm.
  var norm: Double {
    values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// Adds independent normal numbers of standard deviation `sigma`, by Box and Muller in pairs.
  mutating func addNoise(_ sigma: Double, _ random: inout some RandomNumberGenerator) {
    func unit() -> Double { Double(random.next() >> 11) * 0x1p-53 }
    for index in stride(from: 0, to: values.count, by: 2) {
      let radius = sigma * (-2 * log(1 - unit())).squareRoot()
      let angle = 2 * Double.pi * unit()
      values[index] += Float(radius * cos(angle))
      if index + 1 < values.count { values[index + 1] += Float(radius * sin(angle)) }
    }
  }
}
