internal import OneDNN

/// One of the three products of a convolution.
enum ConvolutionStep: CaseIterable {
  case forward, sourceGradient, weightGradient
}

/// A convolution for a number of samples, and how to make each of its operations with weights in
/// a layout of one's choice.
struct ConvolutionOperations {
  let processor: Processor
  let problem: ConvolutionProblem
  let samples: Int

  /// The operation for a step, with factors of a type.
  ///
  /// - Parameter weights: where the weights, or their gradient, lie; nil leaves that to oneDNN. Weights
  ///   that are to be rounded never lie as the stored ones do.
  func operation(
    _ step: ConvolutionStep, of factors: Layout.Scalar, weights: Layout?
  ) throws(OneDNNError) -> Operation {
    let isRounded = factors == .bfloat16 && step != .weightGradient
    let layouts = try problem.layouts(
      samples: samples, weights: isRounded ? nil : weights, for: step, of: factors)
    return switch step {
    case .forward:
      try processor.convolutionForward(
        layouts, problem.geometry, appliesReLU: problem.appliesReLU,
        accumulates: problem.accumulates)
    case .sourceGradient:
      try processor.convolutionBackwardData(layouts, problem.geometry)
    case .weightGradient:
      try processor.convolutionBackwardWeights(layouts, problem.geometry)
    }
  }

  /// Whether a step is to have rounded factors: it gains by them, and there is code for it.
  func rounds(_ step: ConvolutionStep) -> Bool {
    guard problem.gainsByRounding else { return false }
    let operation = try? operation(step, of: .bfloat16, weights: nil)
    return operation.map { !$0.isReference } ?? false
  }
}
