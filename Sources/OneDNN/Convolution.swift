internal import COneDNN

/// The geometry of a convolution, each pair as (height, width).
public struct ConvolutionGeometry: Hashable, Sendable {
  public var strides: [Int]
  /// 1 for neighbouring taps.
  public var dilations: [Int]
  public var paddingBefore: [Int]
  public var paddingAfter: [Int]

  public init(
    strides: [Int], dilations: [Int], paddingBefore: [Int], paddingAfter: [Int]
  ) {
    self.strides = strides
    self.dilations = dilations
    self.paddingBefore = paddingBefore
    self.paddingAfter = paddingAfter
  }

  fileprivate func withPointers<R>(
    _ body: (
      _ strides: [Int64], _ dilations: [Int64], _ before: [Int64], _ after: [Int64]
    ) -> R
  ) -> R {
    body(
      strides.map(Int64.init), dilations.map { Int64($0 - 1) }, paddingBefore.map(Int64.init),
      paddingAfter.map(Int64.init))
  }
}

/// How a convolution is computed.
public enum ConvolutionAlgorithm: Hashable, Sendable {
  case direct
  /// Fewer multiplications, for 3 x 3 taps (Lavin and Gray, CVPR 2016).
  case winograd

  fileprivate var kind: dnnl_alg_kind_t {
    switch self {
    case .direct: dnnl_convolution_direct
    case .winograd: dnnl_convolution_winograd
    }
  }
}

/// The four tensors of a convolution or an inner product, or their gradients.
public struct WeightedLayouts {
  public var source: Layout
  public var weights: Layout
  public var bias: Layout?
  public var destination: Layout

  public init(source: Layout, weights: Layout, bias: Layout?, destination: Layout) {
    self.source = source
    self.weights = weights
    self.bias = bias
    self.destination = destination
  }

  func withBias<R>(_ body: (UnsafePointer<dnnl_memory_desc_t>?) -> R) -> R {
    guard let bias else { return body(nil) }
    return withUnsafePointer(to: bias.descriptor, body)
  }
}

extension Processor {
  /// `destination = source * weights + bias`, plus what the destination held if asked, then ReLU if
  /// asked.
  ///
  /// Corresponds to `dnnl_dilated_convolution_forward_desc_init`.
  public func convolutionForward(
    _ layouts: WeightedLayouts, _ geometry: ConvolutionGeometry,
    algorithm: ConvolutionAlgorithm, appliesReLU: Bool, accumulates: Bool = false
  ) throws(OneDNNError) -> Operation {
    var descriptor = dnnl_convolution_desc_t()
    let status = geometry.withPointers { strides, dilations, before, after in
      layouts.withBias { bias in
        dnnl_dilated_convolution_forward_desc_init(
          &descriptor, dnnl_forward_training, algorithm.kind, &layouts.source.descriptor,
          &layouts.weights.descriptor, bias, &layouts.destination.descriptor, strides, dilations,
          before, after)
      }
    }
    try check(status, "describing a convolution")
    return try operation(
      &descriptor, appliesReLU: appliesReLU, accumulates: accumulates, "a convolution")
  }

  /// The gradient with respect to the source.
  ///
  /// Corresponds to `dnnl_dilated_convolution_backward_data_desc_init`.
  public func convolutionBackwardData(
    _ layouts: WeightedLayouts, _ geometry: ConvolutionGeometry, algorithm: ConvolutionAlgorithm
  ) throws(OneDNNError) -> Operation {
    var descriptor = dnnl_convolution_desc_t()
    let status = geometry.withPointers { strides, dilations, before, after in
      dnnl_dilated_convolution_backward_data_desc_init(
        &descriptor, algorithm.kind, &layouts.source.descriptor, &layouts.weights.descriptor,
        &layouts.destination.descriptor, strides, dilations, before, after)
    }
    try check(status, "describing a convolution's source gradient")
    return try operation(&descriptor, appliesReLU: false, "a convolution's source gradient")
  }

  /// The gradients with respect to weights and bias.
  ///
  /// Corresponds to `dnnl_dilated_convolution_backward_weights_desc_init`.
  public func convolutionBackwardWeights(
    _ layouts: WeightedLayouts, _ geometry: ConvolutionGeometry, algorithm: ConvolutionAlgorithm
  ) throws(OneDNNError) -> Operation {
    var descriptor = dnnl_convolution_desc_t()
    let status = geometry.withPointers { strides, dilations, before, after in
      layouts.withBias { bias in
        dnnl_dilated_convolution_backward_weights_desc_init(
          &descriptor, algorithm.kind, &layouts.source.descriptor, &layouts.weights.descriptor,
          bias, &layouts.destination.descriptor, strides, dilations, before, after)
      }
    }
    try check(status, "describing a convolution's weight gradient")
    return try operation(&descriptor, appliesReLU: false, "a convolution's weight gradient")
  }

  /// Looks for an implementation.
  ///
  /// Corresponds to `dnnl_primitive_desc_create`.
  func operation(
    _ descriptor: UnsafeRawPointer, appliesReLU: Bool, accumulates: Bool = false, _ name: String
  ) throws(OneDNNError) -> Operation {
    let attributes = try Attributes(appliesReLU: appliesReLU, accumulates: accumulates)
    var handle: dnnl_primitive_desc_t?
    try check(
      dnnl_primitive_desc_create(&handle, descriptor, attributes.handle, engine, nil), name)
    return Operation(takingOwnership: try made(handle, name), on: self)
  }
}

/// What is asked of an operation beyond its definition: a `dnnl_primitive_attr_t`.
final class Attributes {
  let handle: dnnl_primitive_attr_t

  init(appliesReLU: Bool, accumulates: Bool = false) throws(OneDNNError) {
    var handle: dnnl_primitive_attr_t?
    try check(dnnl_primitive_attr_create(&handle), "making attributes")
    self.handle = try made(handle, "making attributes")
    // The caller's scratchpad, so that a step allocates nothing.
    try check(
      dnnl_primitive_attr_set_scratchpad_mode(self.handle, dnnl_scratchpad_mode_user),
      "choosing the scratchpad")
    if appliesReLU || accumulates { try append(sum: accumulates, relu: appliesReLU) }
  }

  deinit { dnnl_primitive_attr_destroy(handle) }

  private func append(sum: Bool, relu: Bool) throws(OneDNNError) {
    var made: dnnl_post_ops_t?
    try check(dnnl_post_ops_create(&made), "making post-ops")
    let steps = try OneDNN.made(made, "making post-ops")
    defer { dnnl_post_ops_destroy(steps) }
    if sum { try check(dnnl_post_ops_append_sum(steps, 1), "appending a sum") }
    if relu {
      try check(
        dnnl_post_ops_append_eltwise(steps, 1, dnnl_eltwise_relu, 0, 0), "appending a ReLU")
    }
    try check(dnnl_primitive_attr_set_post_ops(handle, steps), "setting post-ops")
  }
}
