internal import ModelCore
internal import OneDNN

extension Graph {
  /// Gives the zeros around an image a step of their own where a convolution that adds them by
  /// itself would exist only as oneDNN's slow reference.
  ///
  /// - Throws: `OneDNNError`.
  mutating func separatePaddings(on processor: Processor) throws {
    var result: [Node] = []
    for node in nodes {
      // Our own loops take any padding.
      if case .convolution(var convolution, let border) = node.work, !node.form.isInterleaved {
        let problem = ConvolutionProblem(convolution, border: border, node: node)
        if problem.hasUnusualPadding, !problem.usesWinograd,
          try !processor.hasFastImplementation(of: problem)
        {
          let pad = Node(after: node, .pad(problem.border), form: problem.paddedSource)
          pad.inputs = node.inputs
          result.append(pad)
          convolution.padding = .valid
          node.work = .convolution(convolution, border: Border())
          node.inputs = [pad]
        }
      }
      result.append(node)
    }
    nodes = result
  }
}

extension ConvolutionProblem {
  /// Padding of no more than half a window, around an image that the window fits, is what every
  /// implementation takes: nobody has to be asked.
  fileprivate var hasUnusualPadding: Bool {
    let sizes = [(kernel.height, source.height), (kernel.width, source.width)]
    return sizes.enumerated().contains { axis, sizes in
      let extent = (sizes.0 - 1) * geometry.dilations[axis] + 1
      let padding = max(geometry.paddingBefore[axis], geometry.paddingAfter[axis])
      return padding > 0
        && (padding > extent / 2 || extent > sizes.1 || geometry.dilations[axis] > 1)
    }
  }

  fileprivate var border: Border {
    Border(
      top: geometry.paddingBefore[0], bottom: geometry.paddingAfter[0],
      left: geometry.paddingBefore[1], right: geometry.paddingAfter[1])
  }

  fileprivate var paddedSource: Form {
    var form = source
    form.height += border.top + border.bottom
    form.width += border.left + border.right
    return form
  }
}

extension Processor {
  /// Whether all three steps of a convolution have more than a reference implementation.
  fileprivate func hasFastImplementation(
    of problem: ConvolutionProblem
  ) throws(OneDNNError) -> Bool {
    let layouts = try problem.layouts(samples: Self.nominalSamples, weights: nil)
    let geometry = problem.geometry
    do {
      let forward = try convolutionForward(
        layouts, geometry, appliesReLU: problem.appliesReLU)
      let data = try convolutionBackwardData(layouts, geometry)
      let weights = try convolutionBackwardWeights(layouts, geometry)
      return ![forward, data, weights].contains(where: \.isReference)
    } catch .unimplemented { return false }
  }
}
