internal import CKernels
internal import ModelCore

/// The largest magnitude that a node's output can have in this run of a plan; infinite where that
/// is not known.
final class Magnitude {
  var limit: Float

  init(_ limit: Float = .infinity) { self.limit = limit }
}

/// Weights as a step reads them.
struct WeightRange {
  let kernel: UnsafeMutablePointer<Float>
  let count: Int
  /// One for each of the output's channels.
  let bias: UnsafeMutablePointer<Float>?
  /// The products that are summed up for one output.
  let products: Int
}

/// Inference that hides no overflow.
///
/// Weights and samples are finite, so NaNs come of sums that leave the range of 32-bit floats, and
/// oneDNN's ReLU makes zeros of them. Bounds on the magnitudes follow from the weights, layer by
/// layer, and cost nothing beside the layers; where a bound has grown too large to tell, it is
/// replaced by the largest magnitude that there is.
extension PlanBuilder {
  /// Sums below this overflow in no algorithm: Winograd's transforms multiply by less than 10^4.
  private static let largestSum: Float = 1e34

  /// Bounds a layer of weights, before its own step; with `hidesNaN`, makes sure of it.
  func boundSums(_ node: Node, _ weights: WeightRange, hidesNaN: Bool) throws {
    guard watchesMagnitudes else { return }
    let (gain, offset) = (Magnitude(), Magnitude())
    let channels = node.form.paddedChannels
    prepare(node) {
      gain.limit = Float(weights.products) * ck_max_magnitude(weights.kernel, weights.count)
      offset.limit = weights.bias.map { ck_max_magnitude($0, channels) } ?? 0
    }
    // A second input is what the sums are added to.
    let inputs = node.inputs.map { magnitude(of: $0) }
    let measures = hidesNaN ? try node.inputs.map { try measuring($0) } : []
    let result = Magnitude()
    magnitudes[node] = result
    add(node, "bound") {
      func bound() -> Float {
        inputs[0].limit * gain.limit + offset.limit + (inputs.count > 1 ? inputs[1].limit : 0)
      }
      result.limit = bound()
      guard hidesNaN, !(result.limit < Self.largestSum) else { return }
      for (input, measure) in zip(inputs, measures) { input.limit = measure() }
      result.limit = bound()
      guard result.limit < Self.largestSum else {
        throw EngineError.tooLarge(
          layer: node.layer, magnitude: inputs.reduce(0) { max($0, $1.limit) })
      }
    }
  }

  /// Bounds what a layer without weights makes of its inputs.
  func boundOutput(of node: Node) throws {
    guard watchesMagnitudes, magnitudes[node] == nil else { return }
    let inputs = node.inputs.map { magnitude(of: $0) }
    let result = Magnitude()
    magnitudes[node] = result
    switch node.work {
    case .function(.tanh), .function(.sigmoid), .softmax: result.limit = 1
    case .pool, .flatten, .reshape, .convert, .pad, .dropout, .noise, .function(.relu), .add,
      .concatenate:
      add(node, "bound") { result.limit = inputs.reduce(0) { $0 + $1.limit } }
    default:
      let measure = try measuring(node)
      add(node, "bound") { result.limit = measure() }
    }
  }

  private func magnitude(of node: Node) -> Magnitude { magnitudes[node] ?? Magnitude() }

  /// The largest magnitude in a node's output when its step has run; no finite number where one of
  /// the numbers is none.
  private func measuring(_ node: Node) throws -> () -> Float {
    let (count, floats) = (elementCount(node.form), try floats(of: node))
    return { ck_max_magnitude(floats(), count) }
  }
}
