internal import ModelCore

extension Graph {
  /// Joins steps that can be done in one pass over memory.
  mutating func fuse() {
    fusePaddings()
    fuseReLUs()
    fuseResiduals()
  }

  /// A convolution pads by itself. (A max pool does not: its padding is not zero.)
  private mutating func fusePaddings() {
    let consumers = consumers()
    for node in nodes {
      guard case .pad(let border) = node.work, node !== output, let readers = consumers[node],
        readers.count == 1, case .convolution(let convolution, _) = readers[0].work,
        convolution.padding == .valid, border.fits(convolution.extent)
      else { continue }
      readers[0].work = .convolution(convolution, border: border)
      readers[0].absorb(node)
      readers[0].inputs = node.inputs
    }
    removeUnused()
  }

  private mutating func fuseReLUs() {
    let consumers = consumers()
    for node in nodes {
      guard case .function(.relu) = node.work else { continue }
      let producer = node.inputs[0]
      guard consumers[producer]?.count == 1, producer !== output, producer.canApplyReLU else {
        continue
      }
      producer.appliesReLU = true
      producer.absorb(node)
      replace(node, with: producer)
    }
  }

  /// `Add` of a normalization and something else: the sum is taken while normalizing.
  private mutating func fuseResiduals() {
    for node in nodes {
      guard case .add = node.work, node.inputs.count == 2, node.inputs[0] !== node.inputs[1]
      else { continue }
      let consumers = consumers()
      // The later one, so that the other is there when it runs.
      let candidates = node.inputs.filter { input in
        guard case .normalization = input.work else { return false }
        return !input.appliesReLU && input.inputs.count == 1 && consumers[input]?.count == 1
          && input !== output
      }
      guard
        let normalization = candidates.max(by: { position(of: $0) < position(of: $1) }),
        let other = node.inputs.first(where: { $0 !== normalization })
      else { continue }
      node.replaceAdd(normalization: normalization, other: other)
    }
    removeUnused()
  }

  private func position(of node: Node) -> Int { nodes.firstIndex { $0 === node } ?? -1 }
}

extension Node {
  fileprivate var canApplyReLU: Bool {
    switch work {
    case .dense, .convolution, .normalization, .add: !appliesReLU
    default: false
    }
  }

  /// Notes that it does another node's work too.
  func absorb(_ other: Node) {
    if other.layer != layer { absorbed.append(other.layer) }
    absorbed += other.absorbed
  }

  /// Becomes the normalization, in the sum's place and keeping its ReLU.
  fileprivate func replaceAdd(normalization: Node, other: Node) {
    work = normalization.work
    parameterLayer = normalization.parameterLayer
    isTrainable = normalization.isTrainable
    isInference = normalization.isInference
    isShared = normalization.isShared
    absorb(normalization)
    inputs = [normalization.inputs[0], other]
  }
}

extension Border {
  /// Implementations take only padding that some tap of every window can pass.
  fileprivate func fits(_ extent: Extent2D) -> Bool {
    top < extent.height && bottom < extent.height && left < extent.width && right < extent.width
  }
}
