internal import CKernels
internal import ModelCore
internal import OneDNN

extension PlanBuilder {
  /// The weights' gradient of a depthwise convolution, where oneDNN has nothing but its reference.
  ///
  /// - Returns: false where oneDNN is to compute it.
  func buildDepthwiseWeights(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout, _ change: Factor
  ) throws -> Bool {
    guard let geometry = try depthwiseGeometry(problem, stored),
      try processor.hasOnlyReferenceWeights(problem, samples: samples, stored)
    else { return false }
    let source = try floats(of: node.inputs[0])
    let change = change.read
    writeGradient(of: kernel, node) { dw in
      writeGradient(of: bias, node) { db in
        guard let dw else { return }
        add(node, "backward weights") {
          withUnsafePointer(to: geometry) { ck_depthwise_weights(dw, db, source(), change(), $0) }
        }
      }
    }
    return true
  }

  /// - Returns: nil for what the loop does not do.
  private func depthwiseGeometry(
    _ problem: ConvolutionProblem, _ stored: Layout
  ) throws -> ck_depthwise? {
    let (source, destination) = (problem.source, problem.destination)
    guard problem.groups == problem.inputs, problem.groups == problem.outputs,
      source.lanes == destination.lanes, [8, 16].contains(source.lanes),
      try problem.weights(in: source.lanes == 16 ? .Goihw16g : .Goihw8g) == stored
    else { return nil }
    let geometry = problem.geometry
    return ck_depthwise(
      samples: samples, blocks: source.blocks, lanes: source.lanes, height: source.height,
      width: source.width, out_height: destination.height, out_width: destination.width,
      rows: problem.kernel.height, columns: problem.kernel.width,
      stride_y: geometry.strides[0], stride_x: geometry.strides[1],
      dilation_y: geometry.dilations[0], dilation_x: geometry.dilations[1],
      top: geometry.paddingBefore[0], left: geometry.paddingBefore[1])
  }
}

extension Processor {
  fileprivate func hasOnlyReferenceWeights(
    _ problem: ConvolutionProblem, samples: Int, _ stored: Layout
  ) throws(OneDNNError) -> Bool {
    do {
      let layouts = try problem.layouts(samples: samples, weights: stored)
      return try convolutionBackwardWeights(layouts, problem.geometry)
        .isReference
    } catch .unimplemented { return true }
  }
}
