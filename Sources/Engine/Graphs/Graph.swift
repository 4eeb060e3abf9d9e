internal import ModelCore

/// One step of a network as the engine sees it, after layers have been split and fused.
final class Node {
  enum Work {
    case input
    case dense(Dense)
    case convolution(Convolution2D, border: Border)
    case pool(Pooling2D)
    /// The gradient of a convolution from its outputs to its inputs.
    case transposedConvolution(Convolution2D)
    /// With a second input, that one is added before the ReLU.
    case normalization(BatchNormalization)
    case function(Activation)
    /// Of a sample by itself; the shape is a sample's.
    case groupNormalization(GroupNormalization, Shape)
    case embedding(Embedding)
    case affine(Affine)
    /// The slope that each element of a sample has where it is not positive.
    case parametricReLU(slopes: [Int32])
    case softmax
    case logSoftmax
    /// `index` tells the masks of one network apart.
    case dropout(rate: Float, index: Int)
    case noise(Noise, index: Int)
    /// The same numbers, seen as a vector.
    case flatten
    /// The same numbers in Keras's order, seen as another shape.
    case reshape
    case linear(LinearMap)
    /// The same numbers in another form.
    case convert
    case pad(Border)
    case add
    case merge(Merge)
    /// Along the last axis, or along one that `rows` neighbours of a sample come before.
    case concatenate(rows: Int?)
  }

  /// The layer it comes from.
  let layer: String
  let className: String
  /// The layer whose weights it uses.
  var parameterLayer: String
  /// What its kernel is called; a layer of two convolutions has two.
  var kernelRole = "kernel"
  var work: Work
  var inputs: [Node]
  /// How its output lies in memory.
  var form: Form
  /// False where training leaves the layer's weights, and its running statistics, as they are.
  var isTrainable: Bool
  /// Whether it runs as for inference even in training.
  var isInference: Bool
  /// Whether other steps use the same weights.
  var isShared = false
  /// Whether a ReLU is applied to its output.
  var appliesReLU = false
  /// The normalization that its weights are scaled by, for inference only.
  var normalization: FoldedNormalization?
  /// Other layers whose work it does as well.
  var absorbed: [String] = []

  init(_ layer: Layer, _ work: Work, inputs: [Node], form: Form) {
    self.layer = layer.name
    parameterLayer = layer.weightOwner
    className = layer.kind.className
    isTrainable = layer.isTrainable
    isInference = layer.isInference
    self.work = work
    self.inputs = inputs
    self.form = form
  }

  /// The same step, without what it reads.
  init(copying node: Node) {
    layer = node.layer
    className = node.className
    parameterLayer = node.parameterLayer
    kernelRole = node.kernelRole
    work = node.work
    inputs = []
    form = node.form
    isTrainable = node.isTrainable
    isInference = node.isInference
    isShared = node.isShared
    appliesReLU = node.appliesReLU
    normalization = node.normalization
    absorbed = node.absorbed
  }

  init(after node: Node, _ work: Work, form: Form) {
    layer = node.layer
    parameterLayer = node.parameterLayer
    isTrainable = node.isTrainable
    isInference = node.isInference
    className = node.className
    self.work = work
    inputs = [node]
    self.form = form
  }
}

extension Node: Hashable {
  static func == (left: Node, right: Node) -> Bool { left === right }
  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Zeros around an image.
struct Border: Hashable {
  var top = 0
  var bottom = 0
  var left = 0
  var right = 0
}

/// A network's steps in the order in which they run.
struct Graph {
  var nodes: [Node]
  var output: Node

  /// Who reads a node's output, once for each time it does.
  func consumers() -> [Node: [Node]] {
    var result: [Node: [Node]] = [:]
    for node in nodes {
      for input in node.inputs { result[input, default: []].append(node) }
    }
    return result
  }

  /// Lets everybody who reads `old` read `new` instead.
  mutating func replace(_ old: Node, with new: Node) {
    for node in nodes where node !== new {
      for index in node.inputs.indices where node.inputs[index] === old {
        node.inputs[index] = new
      }
    }
    if output === old { output = new }
    nodes.removeAll { $0 === old }
  }

  /// Drops what the output does not depend on.
  mutating func removeUnused() {
    var needed: Set<Node> = [output]
    for node in nodes.reversed() where needed.contains(node) { needed.formUnion(node.inputs) }
    nodes.removeAll { !needed.contains($0) }
  }
}
