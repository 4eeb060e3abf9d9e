internal import ModelCore

/// A batch normalization that the layer before it computes.
struct FoldedNormalization {
  let normalization: BatchNormalization
  /// The layer whose weights and statistics it uses.
  let layer: String
}

extension Graph {
  /// The same network for inference: there, a normalization's statistics are constants, so that it
  /// is part of the convolution or the dense layer before it.
  ///
  /// What is added after the normalization, the convolution adds to its output as well.
  func forInference() -> Graph {
    var graph = copied()
    for node in graph.nodes {
      guard case .normalization(let normalization) = node.work,
        let producer = graph.foldable(node)
      else { continue }
      let folded = Node(copying: producer)
      folded.normalization = FoldedNormalization(
        normalization: normalization, layer: node.parameterLayer)
      folded.inputs = [producer.inputs[0]] + node.inputs.dropFirst()
      folded.appliesReLU = node.appliesReLU
      folded.absorb(node)
      graph.put(folded, inPlaceOf: node, and: producer)
    }
    return graph
  }

  /// In the later one's place, where all that is added has been computed.
  private mutating func put(_ folded: Node, inPlaceOf node: Node, and producer: Node) {
    guard let index = nodes.firstIndex(of: node) else { return }
    nodes.insert(folded, at: index)
    replace(node, with: folded)
    nodes.removeAll { $0 === producer }
  }

  /// What a normalization may be part of, if anything.
  private func foldable(_ node: Node) -> Node? {
    let producer = node.inputs[0]
    guard consumers()[producer]?.count == 1, producer !== output, !producer.appliesReLU,
      producer.normalization == nil, producer.form == node.form
    else { return nil }
    switch producer.work {
    case .dense: return node.inputs.count == 1 ? producer : nil
    case .convolution: return producer.form.isInterleaved ? nil : producer
    default: return nil
    }
  }

  /// Nodes of its own.
  private func copied() -> Graph {
    var copies: [Node: Node] = [:]
    for node in nodes {
      let copy = Node(copying: node)
      copy.inputs = node.inputs.compactMap { copies[$0] }
      copies[node] = copy
    }
    return Graph(nodes: nodes.compactMap { copies[$0] }, output: copies[output] ?? output)
  }
}
