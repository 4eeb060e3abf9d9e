internal import COneDNN

extension Processor {
  /// `destination [N, O] = source [N, I] * weights [O, I] + bias [O]`, then ReLU if asked.
  ///
  /// Corresponds to `dnnl_inner_product_forward_desc_init`.
  public func innerProductForward(
    _ layouts: WeightedLayouts, appliesReLU: Bool
  ) throws(OneDNNError) -> Operation {
    var descriptor = dnnl_inner_product_desc_t()
    let status = layouts.withBias { bias in
      dnnl_inner_product_forward_desc_init(
        &descriptor, dnnl_forward_training, &layouts.source.descriptor,
        &layouts.weights.descriptor, bias, &layouts.destination.descriptor)
    }
    try check(status, "describing an inner product")
    return try operation(&descriptor, appliesReLU: appliesReLU, "an inner product")
  }

  /// The gradient with respect to the source.
  ///
  /// Corresponds to `dnnl_inner_product_backward_data_desc_init`.
  public func innerProductBackwardData(
    _ layouts: WeightedLayouts
  ) throws(OneDNNError) -> Operation {
    var descriptor = dnnl_inner_product_desc_t()
    let status = dnnl_inner_product_backward_data_desc_init(
      &descriptor, &layouts.source.descriptor, &layouts.weights.descriptor,
      &layouts.destination.descriptor)
    try check(status, "describing an inner product's source gradient")
    return try operation(&descriptor, appliesReLU: false, "an inner product's source gradient")
  }

  /// The gradients with respect to weights and bias.
  ///
  /// Corresponds to `dnnl_inner_product_backward_weights_desc_init`.
  public func innerProductBackwardWeights(
    _ layouts: WeightedLayouts
  ) throws(OneDNNError) -> Operation {
    var descriptor = dnnl_inner_product_desc_t()
    let status = layouts.withBias { bias in
      dnnl_inner_product_backward_weights_desc_init(
        &descriptor, &layouts.source.descriptor, &layouts.weights.descriptor, bias,
        &layouts.destination.descriptor)
    }
    try check(status, "describing an inner product's weight gradient")
    return try operation(&descriptor, appliesReLU: false, "an inner product's weight gradient")
  }
}
