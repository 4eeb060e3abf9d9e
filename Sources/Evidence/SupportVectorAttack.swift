internal import Foundation

/// A support vector machine on one feature that tells members from strangers, as the SalUn family's
/// code sets it up: kernel `exp(-(x - y)^2)` and `C = 3`.
///
/// Sequential minimal optimization with second-order working sets (Fan, Chen and Lin, JMLR 6, 2005)
/// to a tolerance of 1e-3, which is what LIBSVM does.
public struct SupportVectorAttack: Sendable {
  private let supports: [(x: Double, weight: Double)]
  private let offset: Double

  /// - Parameters:
  ///   - members: a finite feature of each sample that the model was trained on.
  ///   - strangers: of each that it never saw.
  /// - Returns: nil when either is empty.
  public init?(members: [Double], strangers: [Double]) {
    guard !members.isEmpty, !strangers.isEmpty else { return nil }
    var solver = Solver(
      features: members + strangers,
      signs: members.map { _ in 1 } + strangers.map { _ in -1 })
    solver.run()
    offset = solver.offset
    supports = solver.alphas.indices.compactMap { index in
      let weight = solver.alphas[index] * solver.signs[index]
      return weight == 0 ? nil : (solver.features[index], weight)
    }
  }

  /// Whether the decision value is above zero.
  public func callsMember(_ feature: Double) -> Bool { decision(feature) > 0 }

  /// The share of samples that are called members, within 0...1; 0 without samples.
  public func shareCalledMember(_ features: [Double]) -> Double {
    features.isEmpty ? 0 : Double(features.count(where: callsMember)) / Double(features.count)
  }

  /// `sum of alpha_i t_i k(x_i, x) - rho`.
  func decision(_ feature: Double) -> Double {
    supports.reduce(-offset) { $0 + $1.weight * Solver.kernel($1.x, feature) }
  }
}

/// Minimises `a Q a / 2 - sum a` with `0 <= a <= C` and `t a = 0`, where `Q_ij = t_i t_j k(x_i, x_j)`.
private struct Solver {
  static let penalty = 3.0
  private static let tolerance = 1e-3
  private static let tiny = 1e-12

  let features: [Double]
  let signs: [Double]
  private(set) var alphas: [Double]
  private var gradient: [Double]

  init(features: [Double], signs: [Double]) {
    self.features = features
    self.signs = signs
    alphas = features.map { _ in 0 }
    gradient = features.map { _ in -1 }
  }

  static func kernel(_ a: Double, _ b: Double) -> Double { exp(-(a - b) * (a - b)) }

  mutating func run() {
    for _ in 0..<(100 * features.count + 10_000) {
      guard let first = violator(), let second = partner(of: first) else { return }
      update(first.index, second, first.row)
    }
  }

  /// Whether the variable can move so that `t a` grows, or shrinks.
  private func canGrow(_ i: Int) -> Bool { signs[i] > 0 ? alphas[i] < Self.penalty : alphas[i] > 0 }
  private func canShrink(_ i: Int) -> Bool {
    signs[i] < 0 ? alphas[i] < Self.penalty : alphas[i] > 0
  }

  private typealias Violator = (index: Int, row: [Double])

  private func violator() -> Violator? {
    var best: Int?
    var largest = -Double.infinity
    for index in features.indices where canGrow(index) {
      let value = -signs[index] * gradient[index]
      if value >= largest { (best, largest) = (index, value) }
    }
    return best.map { best in (best, features.map { Self.kernel(features[best], $0) }) }
  }

  /// The variable that lowers the objective most together with `first`; nil at the optimum.
  private func partner(of first: Violator) -> Int? {
    let high = -signs[first.index] * gradient[first.index]
    var (best, lowest, low): (Int?, Double, Double) = (nil, .infinity, .infinity)
    for index in features.indices where canShrink(index) {
      let value = -signs[index] * gradient[index]
      low = min(low, value)
      guard high > value else { continue }
      let curvature = max(2 - 2 * first.row[index], Self.tiny)
      let gain = -(high - value) * (high - value) / curvature
      if gain <= lowest { (best, lowest) = (index, gain) }
    }
    return high - low < Self.tolerance ? nil : best
  }

  private mutating func update(_ i: Int, _ j: Int, _ row: [Double]) {
    let curvature = max(2 - 2 * row[j], Self.tiny)
    // Along the line on which t a stays what it is.
    var step = (signs[j] * gradient[j] - signs[i] * gradient[i]) / curvature
    step = min(step, signs[i] > 0 ? Self.penalty - alphas[i] : alphas[i])
    step = min(step, signs[j] > 0 ? alphas[j] : Self.penalty - alphas[j])
    let before = (alphas[i], alphas[j])
    alphas[i] = min(max(alphas[i] + signs[i] * step, 0), Self.penalty)
    alphas[j] = min(max(alphas[j] - signs[j] * step, 0), Self.penalty)
    let (di, dj) = ((alphas[i] - before.0) * signs[i], (alphas[j] - before.1) * signs[j])
    for k in features.indices {
      gradient[k] += signs[k] * (di * row[k] + dj * Self.kernel(features[j], features[k]))
    }
  }

  /// rho: the mean of `t g` over free variables, or the middle of what bounded ones allow.
  var offset: Double {
    var (sum, free, low, high) = (0.0, 0, -Double.infinity, Double.infinity)
    for index in features.indices {
      let value = signs[index] * gradient[index]
      if alphas[index] > 0, alphas[index] < Self.penalty {
        sum += value
        free += 1
      } else if (alphas[index] == 0) == (signs[index] > 0) {
        high = min(high, value)
      } else {
        low = max(low, value)
      }
    }
    if free > 0 { return sum / Double(free) }
    return low.isFinite && high.isFinite ? (low + high) / 2 : low.isFinite ? low : high
  }
}
