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

  /// oneDNN counts dilations from 0.
  fileprivate var native: od_geometry {
    func pair(_ values: [Int], minus base: Int = 0) -> (Int64, Int64) {
      (Int64(values[0] - base), Int64(values[1] - base))
    }
    return od_geometry(
      strides: pair(strides), dilations: pair(dilations, minus: 1), before: pair(paddingBefore),
      after: pair(paddingAfter))
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

  fileprivate var native: od_tensors {
    od_tensors(
      source: source.handle, weights: weights.handle, bias: bias?.handle,
      destination: destination.handle)
  }
}

extension Processor {
  /// `destination = source * weights + bias`, plus what the destination held if asked, then ReLU if
  /// asked.
  public func convolutionForward(
    _ layouts: WeightedLayouts, _ geometry: ConvolutionGeometry,
    appliesReLU: Bool, accumulates: Bool = false
  ) throws(OneDNNError) -> Operation {
    let attributes = try Attributes(appliesReLU: appliesReLU, accumulates: accumulates)
    return try convolution(
      od_convolution_forward, layouts, geometry, attributes, "a convolution")
  }

  /// The gradient with respect to the source.
  public func convolutionBackwardData(
    _ layouts: WeightedLayouts, _ geometry: ConvolutionGeometry
  ) throws(OneDNNError) -> Operation {
    try convolution(
      od_convolution_backward_data, layouts, geometry,
      Attributes(appliesReLU: false), "a convolution's source gradient")
  }

  /// The gradients with respect to weights and bias.
  public func convolutionBackwardWeights(
    _ layouts: WeightedLayouts, _ geometry: ConvolutionGeometry
  ) throws(OneDNNError) -> Operation {
    try convolution(
      od_convolution_backward_weights, layouts, geometry,
      Attributes(appliesReLU: false), "a convolution's weight gradient")
  }

  private typealias Search = (
    UnsafeMutablePointer<dnnl_primitive_desc_t?>, dnnl_engine_t, od_tensors,
    UnsafePointer<od_geometry>, dnnl_primitive_attr_t
  ) -> dnnl_status_t

  /// Looks for an implementation.
  private func convolution(
    _ search: Search, _ layouts: WeightedLayouts, _ geometry: ConvolutionGeometry,
    _ attributes: Attributes, _ name: String
  ) throws(OneDNNError) -> Operation {
    var handle: dnnl_primitive_desc_t?
    let status = withUnsafePointer(to: geometry.native) {
      search(&handle, engine, layouts.native, $0, attributes.handle)
    }
    // The library reads them through `native` alone.
    withExtendedLifetime((layouts, attributes)) {}
    try check(status, name)
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
    if sum { try check(od_append_sum(steps), "appending a sum") }
    if relu {
      try check(od_append_relu(steps), "appending a ReLU")
    }
    try check(dnnl_primitive_attr_set_post_ops(handle, steps), "setting post-ops")
  }
}
